// One layer of the Fourier neural operator, forward or backward, in one pass over the maps; float32,
// for GCC and Clang, x86 with AVX2. row_pass.py has the formulas and the layouts.
//
// The unit of work is a row of all channels, (C, W): it stays in the cache from the 1x1 convolution
// to the transform of the result.
// Buffers are padded with zeros to whole register tiles, so that there is no code for remainders.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>

#define INLINE inline __attribute__((always_inline))

namespace {

constexpr int kRows = 4, kVectors = 2;  // of a register tile; more was not faster
constexpr int64_t kLanes = 16;          // floats of the longest vectors
constexpr int64_t kColumns = kVectors * kLanes;

constexpr int64_t padded(int64_t size, int64_t step) { return (size + step - 1) / step * step; }

// kRows x kVectors of `product`.
template <int kBytes>
INLINE void tile(const float *left, int64_t along, int64_t across, const float *right,
                 int64_t right_width, int64_t terms, float *out, int64_t width, bool add) {
  typedef float Vector __attribute__((vector_size(kBytes), aligned(4), may_alias));
  constexpr int kEach = kBytes / sizeof(float);
  Vector sum[kRows][kVectors];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v)
      sum[r][v] = add ? *(const Vector *)(out + r * width + v * kEach) : Vector{};
  for (int64_t k = 0; k < terms; ++k) {
    Vector value[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v)
      value[v] = *(const Vector *)(right + k * right_width + v * kEach);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[r][v] += left[k * along + r * across] * value[v];
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) *(Vector *)(out + r * width + v * kEach) = sum[r][v];
}

// out[r][x] (=, or += with `add`) sum over k of left[k * along + r * across] * right[k][x], for
// `rows` r, a multiple of kRows, and `width` x, a multiple of kColumns.
template <int kBytes>
INLINE void product(const float *left, int64_t along, int64_t across, const float *right,
                    int64_t terms, float *out, int64_t rows, int64_t width, bool add) {
  for (int64_t x = 0; x < width; x += kVectors * kBytes / sizeof(float))
    for (int64_t r = 0; r < rows; r += kRows)
      tile<kBytes>(left + r * across, along, across, right + x, width, terms, out + r * width + x,
                   width, add);
}

// sum[r][k][.] += left[r][x] right[k][x], its lanes to be added up at the end, for all r and k,
// multiples of kRows and kVectors, and `width` x.
template <int kBytes>
INLINE void row_products(const float *left, const float *right, int64_t rows, int64_t columns,
                         int64_t width, float *sums) {
  typedef float Vector __attribute__((vector_size(kBytes), aligned(4), may_alias));
  for (int64_t r0 = 0; r0 < rows; r0 += kRows)
    for (int64_t k0 = 0; k0 < columns; k0 += kVectors) {
      Vector sum[kRows][kVectors] = {};
      for (int64_t x = 0; x < width; x += kBytes / sizeof(float))
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
          for (int k = 0; k < kVectors; ++k)
            sum[r][k] += *(const Vector *)(left + (r0 + r) * width + x) *
                         *(const Vector *)(right + (k0 + k) * width + x);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
        for (int k = 0; k < kVectors; ++k)
          *(Vector *)(sums + ((r0 + r) * columns + k0 + k) * kLanes) += sum[r][k];
    }
}

// exp(-x) of x >= 0, relative error 2e-7: a power of two in the exponent bits times a Taylor series.
INLINE float exp_minus(float x) {
  x = x < 87.f ? x : 87.f;  // the smallest normal number
  const float shifted = 12582912.f - x * 1.44269504f;  // + 1.5 2^23 rounds x / ln 2
  const float n = shifted - 12582912.f;
  const float r = (-x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts
  float series = 1 / 120.f + r / 720.f;
  series = 1 + r * (1 + r * (1 / 2.f + r * (1 / 6.f + r * (1 / 24.f + r * series))));
  int32_t power, bits;
  std::memcpy(&power, &shifted, sizeof power);
  std::memcpy(&bits, &series, sizeof bits);
  bits += (int32_t)((uint32_t)power << 23);
  std::memcpy(&series, &bits, sizeof bits);
  return series;
}

// Normal distribution function and density of z; Abramowitz and Stegun 7.1.26, error 1e-7.
INLINE void normal(float z, float &below, float &density) {
  const float x = std::fabs(z) * 0.707106781f;
  const float t = 1 / (1 + 0.3275911f * x), e = exp_minus(x * x);
  float series = -1.453152027f + t * 1.061405429f;
  series = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * series)));
  below = 0.5f + std::copysign(0.5f - 0.5f * e * series, z);
  density = 0.398942280f * e;
}

struct Sizes {
  int64_t batch, inputs, channels, height, width, waves;
};

// Null pointers: what is not asked for. Layouts are in row_pass.py.
struct Forward {
  const float *x, *weight, *waves, *basis, *skip;
  float *out, *columns;
  int gelu;
};

struct Backward {
  const float *x, *weight, *waves, *basis, *grad, *grad_columns;
  float *grad_x, *grad_waves, *grad_weight;
  int gelu;
};

// Buffers of one thread, one row of all channels each.
struct Scratch {
  Sizes s;
  int64_t width, channels, inputs, waves;  // padded
  std::unique_ptr<float[]> memory;
  float *right;       // (waves + inputs, width): the basis and x
  float *left;        // (waves + inputs, channels): coefficients of the row and the weight
  float *result;      // (channels, width): the result, or its gradient
  float *other;       // (max(channels, inputs), width): another one
  float *transposed;  // (width, waves): the basis
  float *columns;     // (channels, waves): transform of the result
  float *weight;      // (channels, inputs): the weight
  float *grad;        // (channels, inputs, kLanes): gradient of the weight

  Scratch(const Sizes &s, const float *weight_in, const float *basis)
      : s(s),
        width(padded(s.width, kColumns)),
        channels(padded(s.channels, kRows)),
        inputs(padded(s.inputs, kRows)),
        waves(padded(s.waves, kColumns)) {
    float **parts[] = {&right, &left, &result, &other, &transposed, &columns, &weight, &grad};
    const int64_t sizes[] = {(s.waves + inputs) * width,
                             (s.waves + inputs) * channels,
                             channels * width,
                             std::max(channels, inputs) * width,
                             width * waves,
                             channels * waves,
                             channels * inputs,
                             channels * inputs * kLanes};
    int64_t total = 16;
    for (int64_t size : sizes) total += padded(size, 16);
    memory.reset(new float[total]());
    float *next = memory.get() + 16 - reinterpret_cast<uintptr_t>(memory.get()) / 4 % 16;
    for (int i = 0; i < 8; ++i) {
      *parts[i] = next;
      next += padded(sizes[i], 16);
    }
    for (int64_t q = 0; q < s.waves; ++q)
      for (int64_t w = 0; w < s.width; ++w)
        right[q * width + w] = transposed[w * waves + q] = basis[q * s.width + w];
    for (int64_t c = 0; c < s.channels; ++c)
      for (int64_t k = 0; k < s.inputs; ++k)
        left[(s.waves + k) * channels + c] = weight[c * inputs + k] = weight_in[c * s.inputs + k];
  }

  // Row y of all channels of the maps of image n.
  template <typename Float>
  Float *row(Float *maps, int64_t count, int64_t n, int64_t y) const {
    return maps + (n * count * s.height + y) * s.width;
  }

  void load(const float *maps, int64_t count, int64_t n, int64_t y, float *to) const {
    for (int64_t c = 0; c < count; ++c)
      std::memcpy(to + c * width, row(maps, count, n, y) + c * s.height * s.width, 4 * s.width);
  }

  void store(const float *from, int64_t count, int64_t n, int64_t y, float *maps) const {
    for (int64_t c = 0; c < count; ++c)
      std::memcpy(row(maps, count, n, y) + c * s.height * s.width, from + c * width, 4 * s.width);
  }

  // Coefficients (H, waves, N, C) of a row into the upper part of `left`.
  void load_waves(const float *from, int64_t n, int64_t y) const {
    for (int64_t q = 0; q < s.waves; ++q)
      std::memcpy(left + q * channels, from + ((y * s.waves + q) * s.batch + n) * s.channels,
                  4 * s.channels);
  }

  // The transform along the row of `result`.
  template <int kBytes>
  INLINE void transform(int64_t n, int64_t y, float *to) const {
    product<kBytes>(result, 1, width, transposed, s.width, columns, channels, waves, false);
    for (int64_t q = 0; q < s.waves; ++q)
      for (int64_t c = 0; c < s.channels; ++c)
        to[((y * s.waves + q) * s.batch + n) * s.channels + c] = columns[c * waves + q];
  }
};

template <int kBytes>
INLINE void run_row(const Forward &f, Scratch &t, int64_t n, int64_t y) {
  const Sizes &s = t.s;
  if (f.skip) t.load(f.skip, s.channels, n, y, t.result);
  t.load(f.x, s.inputs, n, y, t.right + s.waves * t.width);
  t.load_waves(f.waves, n, y);
  product<kBytes>(t.left, t.channels, 1, t.right, s.waves + s.inputs, t.result, t.channels, t.width,
                  f.skip);
  for (int64_t i = 0; f.gelu && i < t.channels * t.width; ++i) {
    float below, density;
    normal(t.result[i], below, density);
    t.result[i] *= below;
  }
  t.store(t.result, s.channels, n, y, f.out);
  if (f.columns) t.transform<kBytes>(n, y, f.columns);
}

template <int kBytes>
INLINE void run_row(const Backward &b, Scratch &t, int64_t n, int64_t y) {
  const Sizes &s = t.s;
  float *const x = t.right + s.waves * t.width;
  t.load(b.x, s.inputs, n, y, x);
  t.load(b.grad, s.channels, n, y, t.result);
  if (b.grad_columns) {
    t.load_waves(b.grad_columns, n, y);
    product<kBytes>(t.left, t.channels, 1, t.right, s.waves, t.result, t.channels, t.width, true);
  }
  if (b.gelu) {
    t.load_waves(b.waves, n, y);
    product<kBytes>(t.left, t.channels, 1, t.right, s.waves + s.inputs, t.other, t.channels,
                    t.width, false);
    for (int64_t i = 0; i < t.channels * t.width; ++i) {
      const float z = t.other[i];
      float below, density;
      normal(z, below, density);
      t.result[i] *= below + z * density;
    }
  }
  t.transform<kBytes>(n, y, b.grad_waves);
  row_products<kBytes>(t.result, x, t.channels, t.inputs, t.width, t.grad);
  if (!b.grad_x) return;
  product<kBytes>(t.weight, t.inputs, 1, t.result, s.channels, t.other, t.inputs, t.width, false);
  t.store(t.other, s.inputs, n, y, b.grad_x);
}

void finish(const Forward &, const Scratch &, int) {}

void finish(const Backward &b, const Scratch &t, int thread) {
  const int64_t channels = t.s.channels, inputs = t.s.inputs;
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t k = 0; k < inputs; ++k) {
      const float *lanes = t.grad + (c * t.inputs + k) * kLanes;
      b.grad_weight[(thread * channels + c) * inputs + k] =
          std::accumulate(lanes, lanes + kLanes, 0.f);
    }
}

// Chosen when run, so that a wheel may be built on another machine.
template <typename Pass>
__attribute__((target("avx2,fma"))) void avx2_row(const Pass &pass, Scratch &t, int64_t n,
                                                  int64_t y) {
  run_row<32>(pass, t, n, y);
}

template <typename Pass>
__attribute__((target("avx512f"))) void avx512_row(const Pass &pass, Scratch &t, int64_t n,
                                                   int64_t y) {
  run_row<64>(pass, t, n, y);
}

template <typename Pass>
auto *best_row() {
  return __builtin_cpu_supports("avx512f") ? avx512_row<Pass> : avx2_row<Pass>;
}

// 0, or 1 without memory.
template <typename Pass>
int run(const Pass &pass, const Sizes &s, int threads) {
  int failed = 0;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) if (threads > 1) reduction(| : failed)
#endif
  for (int thread = 0; thread < threads; ++thread) {
    try {
      Scratch scratch(s, pass.weight, pass.basis);
      const int64_t rows = s.batch * s.height;
      for (int64_t i = rows * thread / threads; i < rows * (thread + 1) / threads; ++i)
        best_row<Pass>()(pass, scratch, i / s.height, i % s.height);
      finish(pass, scratch, thread);
    } catch (const std::bad_alloc &) {
      failed = 1;
    }
  }
  return failed;
}

}  // namespace

// A new name for every new list of arguments: a library left from an older version is then not
// found, and not called with the wrong arguments.
extern "C" int mmlevelset_row_forward_1(const float *x, const float *weight, const float *waves,
                                        const float *basis, const float *skip, float *out,
                                        float *columns, int gelu, const int64_t *sizes,
                                        int threads) {
  const Sizes s{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]};
  return run(Forward{x, weight, waves, basis, skip, out, columns, gelu}, s, threads);
}

extern "C" int mmlevelset_row_backward_1(const float *x, const float *weight, const float *waves,
                                         const float *basis, const float *grad,
                                         const float *grad_columns, float *grad_x,
                                         float *grad_waves, float *grad_weight, int gelu,
                                         const int64_t *sizes, int threads) {
  const Sizes s{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]};
  return run(Backward{x, weight, waves, basis, grad, grad_columns, grad_x, grad_waves, grad_weight,
                      gelu},
             s, threads);
}
