"""What ``tools/analysis_tools/benchmark_evolution.py`` measures, against what, and how."""
