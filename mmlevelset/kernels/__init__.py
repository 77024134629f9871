"""Fast paths behind ``mmlevelset.levelset``; each equals the plain torch version it replaces."""
