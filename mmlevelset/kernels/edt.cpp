// Exact signed Euclidean distance transform of a batch of binary masks, for GCC and Clang; edt.py
// says what it returns, signed_edt_reference in levelset/sdf.py has the formula.
//
// The minimum over k of g_k^2 + (y - k)^2 uses that the best k never decreases with y (the matrix
// is totally monotone): rows are done in the order H/2, H/4, 3H/4, ..., each looks only between the
// best k of its two neighbours done before. kLanes columns share one range, to be vector code.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

#define INLINE inline __attribute__((always_inline))

namespace {

constexpr int kLanes = 32;  // columns; slower with 16
constexpr uint16_t kFar = 1 << 14;  // longer than any run: edt.py rejects longer sides

// Buffers of one thread, for planes of one size. Rows are padded to a multiple of kLanes.
struct Scratch {
  int64_t padded, stride;
  std::unique_ptr<uint8_t[]> cells;            // the mask with one repeated pixel at both ends
  std::unique_ptr<uint16_t[]> down, up, runs;  // distances along columns and along one row
  std::unique_ptr<int32_t[]> squares;          // g^2, of the row
  std::unique_ptr<int32_t[]> lowest, highest;  // best k of a row over kLanes columns
  Scratch(int64_t height, int64_t width)
      : padded((width + kLanes - 1) / kLanes * kLanes),
        stride(padded + kLanes),
        cells(new uint8_t[height * stride]),
        down(new uint16_t[height * padded]),
        up(new uint16_t[padded]),
        runs(new uint16_t[6 * padded]),
        squares(new int32_t[height * padded]),
        lowest(new int32_t[height]),
        highest(new int32_t[height]) {
    std::fill_n(runs.get(), 6 * padded, kFar);
  }
};

// Distance in pixels, along the row, to the nearest pixel of the other value: one more than to the
// nearest pixel beside a change, which takes log2(width) doublings of the shift.
INLINE const uint16_t *row_runs(const uint8_t *cell, int64_t width, Scratch &s) {
  uint16_t *now = s.runs.get() + s.padded, *next = now + 3 * s.padded;  // kFar on both sides
  for (int64_t x0 = 0; x0 < s.padded; x0 += kLanes)
    for (int64_t x = x0; x < x0 + kLanes; ++x)
      now[x] = (cell[x] ^ cell[x - 1]) | (cell[x] ^ cell[x + 1]) ? 1 : kFar;
  for (int64_t shift = 1; shift < width; shift *= 2, std::swap(now, next))
    for (int64_t x0 = 0; x0 < s.padded; x0 += kLanes)
      for (int64_t x = x0; x < x0 + kLanes; ++x) {
        const uint16_t beside = std::min(now[x - shift], now[x + shift]) + (uint16_t)shift;
        next[x] = std::min(now[x], beside);
      }
  return now;
}

// Squared row distances g^2 (far where a row has one value) and runs along the columns (at least
// kFar where a column has one value) of a plane.
template <typename T>
INLINE void both_runs(const uint8_t *mask, int64_t height, int64_t width, T far, Scratch &s) {
  const int64_t padded = s.padded;
  uint16_t *const up = s.up.get();
  std::fill_n(up, padded, kFar);
  for (int64_t y = 0; y < height; ++y) {
    uint8_t *cell = s.cells.get() + y * s.stride + 1;
    std::memcpy(cell, mask + y * width, width);
    cell[-1] = cell[0];
    std::memset(cell + width, cell[width - 1], padded - width + 1);

    T *square = reinterpret_cast<T *>(s.squares.get()) + y * padded;
    if (std::memchr(cell, !cell[0], width)) {
      const uint16_t *run = row_runs(cell, width, s);
      for (int64_t x = 0; x < padded; ++x) square[x] = (T)run[x] * (T)run[x];
    } else {
      std::fill_n(square, width, far);
    }
    std::fill_n(square + width, padded - width, (T)0);  // the padding asks for no other row

    uint16_t *down = s.down.get() + y * padded;
    const uint8_t *above = y ? cell - s.stride : cell;
    const uint16_t *before = y ? down - padded : up;
    for (int64_t x = 0; x < padded; ++x) {
      const uint16_t longer = before[x] + 1;
      down[x] = cell[x] != above[x] ? 1 : longer;
    }
  }
  for (int64_t y = height - 1; y >= 0; --y) {
    const uint8_t *cell = s.cells.get() + y * s.stride + 1;
    const uint8_t *below = y < height - 1 ? cell + s.stride : cell;
    uint16_t *down = s.down.get() + y * padded;
    for (int64_t x = 0; x < padded; ++x) {
      const uint16_t longer = up[x] + 1;
      up[x] = cell[x] != below[x] ? 1 : longer;
      down[x] = std::min(down[x], up[x]);
    }
  }
}

// Minimum over k in [from, to] of g_k^2 + (y - k)^2 in kLanes columns; lowest and highest such k.
// kBytes is the size of a vector register: compilers make scalar code of vectors longer than that.
template <typename T, int kBytes>
INLINE void envelope(const T *square, int64_t padded, int y, int from, int to, T *best_out,
                     int32_t *lowest, int32_t *highest) {
  typedef T Vector __attribute__((vector_size(kBytes)));
  constexpr int kEach = kBytes / sizeof(T), kVectors = kLanes / kEach;
  Vector best[kVectors], arg[kVectors];
  for (int i = 0; i < kVectors; ++i) {
    best[i] = Vector{} + std::numeric_limits<T>::max();
    arg[i] = Vector{} + (T)from;
  }
  for (int k = from; k <= to; ++k) {
    const T *row = square + k * padded;
    const T gap = (y - k) * (y - k);
#pragma GCC unroll 8
    for (int i = 0; i < kVectors; ++i) {
      Vector value;
      std::memcpy(&value, row + i * kEach, kBytes);
      value += gap;
      arg[i] = value < best[i] ? Vector{} + (T)k : arg[i];
      best[i] = value < best[i] ? value : best[i];
    }
  }
  T args[kLanes];
  std::memcpy(args, arg, sizeof args);
  std::memcpy(best_out, best, sizeof best);
  T low = args[0], high = args[0];
  for (int x = 0; x < kLanes; ++x) {
    low = std::min(low, args[x]);
    high = std::max(high, args[x]);
  }
  *lowest = low;
  *highest = high;
}

// Signed distances of one plane with both values. T holds far + (height - 1)^2, where far exceeds
// every squared distance.
template <typename T, int kBytes>
INLINE void plane(const uint8_t *mask, void *out, int height, int width, bool squared, Scratch &s) {
  const T far = sizeof(T) == 2 ? 65535 - (height - 1) * (height - 1)
                               : (height + width) * (height + width);
  both_runs(mask, height, width, far, s);
  int first = 1;
  while (first < height) first *= 2;

  for (int64_t x0 = 0; x0 < s.padded; x0 += kLanes) {
    const T *square = reinterpret_cast<T *>(s.squares.get()) + x0;
    const int64_t count = std::min<int64_t>(kLanes, width - x0);
    for (int step = first; step; step /= 2) {
      for (int y = step - 1; y < height; y += 2 * step) {
        const int from = y >= step ? s.lowest[y - step] : 0;
        const int to = y + step < height ? s.highest[y + step] : height - 1;
        T best[kLanes];
        envelope<T, kBytes>(square, s.padded, y, from, to, best, &s.lowest[y], &s.highest[y]);

        const uint16_t *run = s.down.get() + y * s.padded + x0;
        const uint8_t *cell = s.cells.get() + y * s.stride + 1 + x0;
        const int64_t at = (int64_t)y * width + x0;
        int32_t value[kLanes];
        for (int x = 0; x < kLanes; ++x) {
          const T column = run[x] < kFar ? (T)((T)run[x] * (T)run[x]) : far;
          value[x] = std::min(best[x], column);
        }
        if (squared) {
          for (int x = 0; x < kLanes; ++x) value[x] = cell[x] ? value[x] : -value[x];
          std::memcpy(static_cast<int32_t *>(out) + at, value, count * sizeof(int32_t));
        } else {
          float distance[kLanes];
          for (int x = 0; x < kLanes; ++x) {
            const float root = std::sqrt((float)value[x]);
            distance[x] = cell[x] ? root : -root;
          }
          std::memcpy(static_cast<float *>(out) + at, distance, count * sizeof(float));
        }
      }
    }
  }
}

// 16 bits, which are twice as fast, hold the squares of sides up to 147 pixels.
template <int kBytes>
INLINE void narrowest_plane(const uint8_t *mask, void *out, int height, int width, bool squared,
                            Scratch &s) {
  if (2 * (int64_t)height * height + (int64_t)width * width < 65536) {
    plane<uint16_t, kBytes>(mask, out, height, width, squared, s);
  } else {
    plane<int32_t, kBytes>(mask, out, height, width, squared, s);
  }
}

void baseline_plane(const uint8_t *mask, void *out, int height, int width, bool squared,
                    Scratch &s) {
  narrowest_plane<16>(mask, out, height, width, squared, s);
}

// Chosen when run, so that a wheel may be built on another machine.
#if defined(__x86_64__)
__attribute__((target("avx2"))) void avx2_plane(const uint8_t *mask, void *out, int height,
                                                int width, bool squared, Scratch &s) {
  narrowest_plane<32>(mask, out, height, width, squared, s);
}

auto *const best_plane = __builtin_cpu_supports("avx2") ? avx2_plane : baseline_plane;
#else
auto *const best_plane = baseline_plane;
#endif

template <typename T>
void fill(void *out, int64_t size, T value) {
  std::fill_n(static_cast<T *>(out), size, value);
}

void any_plane(const uint8_t *mask, void *out, int64_t height, int64_t width, bool squared,
               Scratch &s) {
  const int64_t size = height * width;
  const int32_t far = mask[0] ? height + width : -(height + width);
  if (std::memchr(mask, !mask[0], size)) {
    best_plane(mask, out, height, width, squared, s);
  } else if (squared) {
    fill(out, size, far * std::abs(far));
  } else {
    fill(out, size, (float)far);
  }
}

}  // namespace

// Leaves planes that are not present as they are. Returns 0, or 1 without memory. A new name for
// every new list of arguments: a library left from an older version is then not found, and not
// called with the wrong arguments.
extern "C" int mmlevelset_signed_edt_1(const uint8_t *mask, const uint8_t *present, void *out,
                                       int64_t planes, int64_t height, int64_t width, int squared,
                                       int threads) {
  const int64_t size = height * width;
  int failed = 0;
#ifdef _OPENMP
#pragma omp parallel num_threads(threads) if (threads > 1) reduction(| : failed)
#else
  (void)threads;
#endif
  {
    std::unique_ptr<Scratch> scratch;
    try {
      scratch.reset(new Scratch(height, width));
    } catch (const std::bad_alloc &) {
      failed = 1;
    }
#ifdef _OPENMP
#pragma omp for schedule(dynamic)
#endif
    for (int64_t p = 0; p < planes; ++p) {
      // Both kinds of result have four bytes per pixel.
      if (scratch && present[p])
        any_plane(mask + p * size, static_cast<char *>(out) + p * size * 4, height, width, squared,
                  *scratch);
    }
  }
  return failed;
}
