// Forward and backward of a Neural Turing Machine over a whole sequence, as fast as one processor core goes.
//
// What is computed is defined by the files of ntm/machine; equation numbers
// are those of Graves, Wayne and Danihelka 2014 (arXiv 1410.5401). Every step is written to a tape that the backward
// pass reads. Products of a weight matrix with the whole tape (the output layer and all weight gradients) are left to
// the caller, who does them as one large product each; what is here is what has to go step by step.
//
// Slots are the innermost dimension of memory and weightings, so that each loop over slots is a vector loop. The rows
// of all arrays are padded to whole vectors; `Tape` lists their shapes.

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

// Floats in a vector, and the rows and vectors of a block whose sums stay in registers with a few left for the operands.
#if defined(__AVX512F__)
constexpr int kLanes = 16, kBlockRows = 8, kBlockVectors = 3;  // 24 of 32 registers
#elif defined(__AVX2__)
constexpr int kLanes = 8, kBlockRows = 6, kBlockVectors = 2;  // 12 of 16
#else
constexpr int kLanes = 4, kBlockRows = 4, kBlockVectors = 2;  // 8 of 16
#endif
constexpr float kClip = 20.0f;           // heads.py: _CLIP
constexpr float kNormEpsilon = 1e-20f;   // addressing.py: _NORM_EPSILON
constexpr float kSmallest = 1.2e-38f;    // weights below this count as zero; its logarithm is finite

typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));

Lanes& lanes(float* values) { return *reinterpret_cast<Lanes*>(values); }
const Lanes& lanes(const float* values) { return *reinterpret_cast<const Lanes*>(values); }

int padded(int size) { return (size + kLanes - 1) / kLanes * kLanes; }

}  // namespace

extern "C" {

struct Shape {
  int steps, batch, inputs, units, layers, lstm, slots, width, read_heads, write_heads, shift_range;
  int heads_see;    // channels of the input that the heads see after the controller's output
  int linear_adds;  // whether adds are not squashed
  int registers;    // 1 if memory's first column is a register, else 0
  float gain;       // of the squashing through which the controller sees; 0 where it sees all as it is
};

// One layer of the controller. K is the width of what it sees (the layer below, then its own last output if it is an
// LSTM), G of what it computes: 4 gates a unit (input, forget, cell, output) or 1.
struct Layer {
  const float* weights;      // (K, G): of the product forward
  const float* weights_out;  // (G, K): of the product backward
  const float* bias;         // (G)
  float* seen;               // (T, B, K); the first layer's inputs are filled in by the caller
  float* gates;              // (T, B, G), after their squashing
  float* cells;              // (T + 1, B, C)
  float* gate_gradients;     // (T, B, G), before their squashing
};

struct Tape {
  const Layer* layers;
  const float* weights;      // (C + S, D): to the heads, from the controller and the S channels of the input they see
  const float* weights_out;  // (D, C + S)
  const float* bias;         // (D)
  float* controller_output;  // (T, B, C + S); what heads see of the input is filled in
  float* raw;                // (T, B, D): what the heads emit, see Heads
  float* emitted;            // (T, B, D), squashed
  float* raw_gradients;      // (T, B, D)
  float* memory;             // (T + 1, B, M, N)
  float* norms;              // (T, B, N): of the memory's slots before the step
  float* similarity;         // (T, B, H, N)
  float* content;            // (T, B, H, N)
  float* shifted;            // (T, B, H, N)
  float* weightings;         // (T + 1, B, H, N)
  const float* weighting_gradients;  // (T, B, H, N), or null where the loss does not look at the weightings
  float* answer;             // (T, B, C + R M): the controller's output and the reads, which the output layer sees
  const float* answer_gradients;  // (T, B, C + R M)
  float* memory_gradient;    // (B, M, N): of the initial memory
  float* reads_gradient;     // (B, R M): of the initial reads
  const float* counts;       // (T, B): what can be put into a register, or null where there is none
};
}

namespace {

// Where the fields of a head lie in what the heads emit: first H times (key, strength, gate, shift, sharpening), then
// W times (erase, add).
struct Heads {
  int heads, width, shifts;
  explicit Heads(const Shape& s)
      : heads(s.read_heads + s.write_heads), width(s.width), shifts(2 * s.shift_range + 1) {}
  int addressing() const { return width + 3 + shifts; }
  int key(int h) const { return h * addressing(); }
  int strength(int h) const { return key(h) + width; }
  int gate(int h) const { return strength(h) + 1; }
  int shift(int h) const { return gate(h) + 1; }
  int sharpening(int h) const { return shift(h) + shifts; }
  int erase(int w) const { return heads * addressing() + w * 2 * width; }
  int add(int w) const { return erase(w) + width; }
};

// Fast division turns the reciprocal of infinity into NaN; beyond this both functions have long reached their limit.
constexpr float kLargestExponent = 60.0f;
float bounded_exp(float x) { return std::exp(std::min(x, kLargestExponent)); }
float sigmoid(float x) { return 1 / (1 + bounded_exp(-x)); }
float fast_tanh(float x) { return 1 - 2 / (1 + bounded_exp(2 * x)); }
float softplus(float x) { return x > 15 ? x : std::log1p(std::exp(x)); }

float dot(int size, const float* __restrict a, const float* __restrict b) {
  float sum = 0;
  for (int i = 0; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

float sum_of(Lanes values) {
  float sum = 0;
  for (int i = 0; i < kLanes; ++i) sum += values[i];
  return sum;
}

void accumulate(int size, float factor, const float* __restrict from, float* __restrict to) {
  for (int i = 0; i < size; ++i) to[i] += factor * from[i];
}

// ---- products ----

// A matrix whose element (row, k) is at values[row * row_stride + k * k_stride]: a matrix or its transpose.
struct Left {
  const float* values;
  long row_stride, k_stride;
};

template <int kRows, int kVectors>
void product_block(int k_size, Left a, const float* w, int columns, const float* bias, float* c) {
  Lanes sums[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sums[r][v] = bias ? lanes(bias + v * kLanes) : Lanes{};
#pragma GCC unroll 1
  for (int k = 0; k < k_size; ++k) {
    Lanes right[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) right[v] = lanes(w + static_cast<long>(k) * columns + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const float factor = a.values[r * a.row_stride + k * a.k_stride];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sums[r][v] += factor * right[v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) lanes(c + static_cast<long>(r) * columns + v * kLanes) = sums[r][v];
}

template <int kVectors>
void product_columns(int rows, int k_size, Left a, const float* w, int columns, const float* bias, float* c) {
  int row = 0;
  for (; row + kBlockRows <= rows; row += kBlockRows)
    product_block<kBlockRows, kVectors>(k_size, {a.values + row * a.row_stride, a.row_stride, a.k_stride}, w, columns,
                                        bias, c + static_cast<long>(row) * columns);
  for (; row < rows; ++row)
    product_block<1, kVectors>(k_size, {a.values + row * a.row_stride, a.row_stride, a.k_stride}, w, columns, bias,
                               c + static_cast<long>(row) * columns);
}

// C (rows, columns) = bias + A (rows, K) W (K, columns). `columns` is the padded number.
void product(int rows, int k_size, int columns, Left a, const float* w, const float* bias, float* c) {
  int column = 0;
  for (; column + kBlockVectors * kLanes <= columns; column += kBlockVectors * kLanes)
    product_columns<kBlockVectors>(rows, k_size, a, w + column, columns, bias ? bias + column : nullptr, c + column);
  for (; column < columns; column += kLanes)
    product_columns<1>(rows, k_size, a, w + column, columns, bias ? bias + column : nullptr, c + column);
}

// ---- addressing: section 3.3, one head of one sequence ----

// Equations 5 and 6: similarity (N) and content weighting (N).
void focus_by_content(int slots, int stride, int width, const float* __restrict memory, const float* __restrict norms,
                      const float* key, float strength, float* __restrict similarity, float* __restrict content) {
  const float key_norm = std::sqrt(dot(width, key, key) + kNormEpsilon);
  for (int n = 0; n < stride; n += kLanes) {
    Lanes products{};
    for (int m = 0; m < width; ++m) products += key[m] * lanes(memory + m * stride + n);
    lanes(similarity + n) = products;
  }
  float largest = -1;
  for (int n = 0; n < slots; ++n) {
    similarity[n] /= key_norm * norms[n];
    largest = std::max(largest, similarity[n]);
  }
  float sum = 0;
  for (int n = 0; n < slots; ++n) {
    content[n] = std::exp(strength * (similarity[n] - largest));
    sum += content[n];
  }
  for (int n = 0; n < slots; ++n) content[n] /= sum;
}

// Takes the gradient of the content weighting; adds to those of key (M) and memory (M, N) and returns the strength's.
float focus_by_content_backward(int slots, int stride, int width, const float* __restrict memory,
                                const float* __restrict norms, const float* key, float strength,
                                const float* __restrict similarity, const float* __restrict content,
                                float* __restrict gradient, float* __restrict along_memory, float* key_gradient,
                                float* __restrict memory_gradient) {
  const float key_norm = std::sqrt(dot(width, key, key) + kNormEpsilon);
  const float mean = dot(slots, gradient, content);
  float strength_gradient = 0, along_key = 0;
  for (int n = 0; n < slots; ++n) {
    const float logit_gradient = content[n] * (gradient[n] - mean);
    strength_gradient += logit_gradient * similarity[n];
    const float scaled = strength * logit_gradient / norms[n];
    along_key += scaled * norms[n] * similarity[n];
    along_memory[n] += scaled * similarity[n] / norms[n];
    gradient[n] = scaled / key_norm;
  }
  for (int n = slots; n < stride; ++n) gradient[n] = 0;
  for (int m = 0; m < width; ++m) {
    Lanes along{};
    for (int n = 0; n < stride; n += kLanes) {
      along += lanes(gradient + n) * lanes(memory + m * stride + n);
      lanes(memory_gradient + m * stride + n) += key[m] * lanes(gradient + n);
    }
    key_gradient[m] += sum_of(along) - key[m] / (key_norm * key_norm) * along_key;
  }
  return strength_gradient;
}

// Equations 7 and 8: interpolation into `gated` (N), then the circular shift into `shifted` (N).
void interpolate(int slots, const float* __restrict content, const float* __restrict previous, float gate,
                 float* __restrict gated) {
  for (int n = 0; n < slots; ++n) gated[n] = gate * content[n] + (1 - gate) * previous[n];
}

// to[n] += factor * from[(n - by) mod N]
void accumulate_shifted(int slots, float factor, const float* __restrict from, int by, float* __restrict to) {
  const int first = ((by % slots) + slots) % slots;
  accumulate(slots - first, factor, from, to + first);
  accumulate(first, factor, from + slots - first, to);
}

float dot_shifted(int slots, const float* __restrict a, const float* __restrict from, int by) {
  const int first = ((by % slots) + slots) % slots;
  return dot(slots - first, a + first, from) + dot(first, a, from + slots - first);
}

void shift(int slots, int range, const float* __restrict gated, const float* weights, float* __restrict shifted) {
  for (int n = 0; n < slots; ++n) shifted[n] = 0;
  for (int by = -range; by <= range; ++by) accumulate_shifted(slots, weights[by + range], gated, by, shifted);
}

// Equation 9.
void sharpen(int slots, int stride, const float* __restrict shifted, float sharpening, float* __restrict weighting) {
  float largest = 0;
  for (int n = 0; n < slots; ++n) largest = std::max(largest, shifted[n]);
  const float log_largest = std::log(std::max(largest, kSmallest));
  float sum = 0;
  for (int n = 0; n < slots; ++n) {
    const float power = std::exp(sharpening * (std::log(std::max(shifted[n], kSmallest)) - log_largest));
    weighting[n] = shifted[n] > kSmallest ? power : 0;
    sum += weighting[n];
  }
  for (int n = 0; n < slots; ++n) weighting[n] /= sum;
  for (int n = slots; n < stride; ++n) weighting[n] = 0;
}

// Turns the gradient of the weighting into that of the shifted one, in place; returns the sharpening's.
float sharpen_backward(int slots, const float* __restrict shifted, float sharpening,
                       const float* __restrict weighting, float* __restrict gradient) {
  const float mean = dot(slots, gradient, weighting);
  float largest = 0;
  for (int n = 0; n < slots; ++n) largest = std::max(largest, shifted[n]);
  largest = std::max(largest, kSmallest);
  const float log_largest = std::log(largest);
  float sum = 0, sharpening_gradient = 0;
  for (int n = 0; n < slots; ++n) {
    const float log_share = std::log(std::max(shifted[n], kSmallest)) - log_largest;
    // The power below the whole one, so that a slot of weight 0 has the gradient that it has in the limit.
    const float lower_power = std::exp((sharpening - 1) * log_share);
    sum += lower_power * shifted[n] / largest;
    sharpening_gradient += weighting[n] * (gradient[n] - mean) * log_share;
    gradient[n] = lower_power * (gradient[n] - mean);
  }
  const float factor = sharpening / (sum * largest);
  for (int n = 0; n < slots; ++n) gradient[n] *= factor;
  return sharpening_gradient;
}

// ---- memory: sections 3.1 and 3.2, one sequence ----

void norms_of(int stride, int width, const float* memory, float* norms) {
  for (int n = 0; n < stride; n += kLanes) {
    Lanes squares = kNormEpsilon - Lanes{};
    for (int m = 0; m < width; ++m) squares += lanes(memory + m * stride + n) * lanes(memory + m * stride + n);
    lanes(norms + n) = squares;
  }
  for (int n = 0; n < stride; ++n) norms[n] = std::sqrt(norms[n]);
}

// Equations 3 and 4: all heads erase, then all add.
void write(const Shape& s, const Heads& at, int stride, const float* emitted, const float* weights,
           const float* before, float* after) {
  for (int m = 0; m < s.width; ++m)
    for (int n = 0; n < stride; n += kLanes) {
      Lanes content = lanes(before + m * stride + n);
      for (int w = 0; w < s.write_heads; ++w)
        content *= 1 - lanes(weights + w * stride + n) * emitted[at.erase(w) + m];
      for (int w = 0; w < s.write_heads; ++w) content += lanes(weights + w * stride + n) * emitted[at.add(w) + m];
      lanes(after + m * stride + n) = content;
    }
}

// Turns the gradient of the memory after writing into that before, in place; sets those of erase and add vectors and
// adds to those of the write weightings.
void write_backward(const Shape& s, const Heads& at, int stride, const float* emitted, const float* weights,
                    const float* before, float* gradient, float* weight_gradients, float* emitted_gradient) {
  Lanes kept[s.write_heads];  // the contents before each head erases
  Lanes erase_gradients[s.write_heads], add_gradients[s.write_heads];
  for (int m = 0; m < s.width; ++m) {
    for (int w = 0; w < s.write_heads; ++w) erase_gradients[w] = add_gradients[w] = Lanes{};
    for (int n = 0; n < stride; n += kLanes) {
      Lanes content = lanes(before + m * stride + n), flowing = lanes(gradient + m * stride + n);
      for (int w = 0; w < s.write_heads; ++w) {
        const Lanes weight = lanes(weights + w * stride + n);
        kept[w] = content;
        content *= 1 - weight * emitted[at.erase(w) + m];
        add_gradients[w] += weight * flowing;
        lanes(weight_gradients + w * stride + n) += emitted[at.add(w) + m] * flowing;
      }
      for (int w = s.write_heads - 1; w >= 0; --w) {
        const Lanes weight = lanes(weights + w * stride + n), factor_gradient = flowing * kept[w];
        const float erase = emitted[at.erase(w) + m];
        erase_gradients[w] -= factor_gradient * weight;
        lanes(weight_gradients + w * stride + n) -= factor_gradient * erase;
        flowing *= 1 - weight * erase;
      }
      lanes(gradient + m * stride + n) = flowing;
    }
    for (int w = 0; w < s.write_heads; ++w) {
      emitted_gradient[at.erase(w) + m] = sum_of(erase_gradients[w]);
      emitted_gradient[at.add(w) + m] = sum_of(add_gradients[w]);
    }
  }
}

// ---- what the heads emit ----

// Where there is a register, register.py says what becomes of its two numbers in each write vector.
void squash(const Shape& s, const Heads& at, const float* raw, float count, float* emitted) {
  const int size = at.erase(s.write_heads);
  for (int i = 0; i < size; ++i) emitted[i] = std::min(std::max(raw[i], -kClip), kClip);
  for (int h = 0; h < at.heads; ++h) {
    float* key = emitted + at.key(h);
    for (int m = 0; m < s.width; ++m) key[m] = std::tanh(key[m]);
    emitted[at.strength(h)] = softplus(emitted[at.strength(h)]);
    emitted[at.gate(h)] = sigmoid(emitted[at.gate(h)]);
    emitted[at.sharpening(h)] = 1 + softplus(emitted[at.sharpening(h)]);
    float* weights = emitted + at.shift(h);
    float sum = 0;
    for (int j = 0; j < at.shifts; ++j) sum += weights[j] = std::exp(weights[j]);  // clipped, so never infinite
    for (int j = 0; j < at.shifts; ++j) weights[j] /= sum;
  }
  for (int w = 0; w < s.write_heads; ++w) {
    float* erase = emitted + at.erase(w);
    float* add = emitted + at.add(w);
    for (int m = 0; m < s.width; ++m) erase[m] = sigmoid(erase[m]);
    if (s.registers) {
      const float put = erase[0], take = sigmoid(add[0]);
      erase[0] = 0;
      add[0] = put * count - take;
    }
    if (!s.linear_adds)
      for (int m = s.registers; m < s.width; ++m) add[m] = std::tanh(add[m]);
  }
}

void squash_backward(const Shape& s, const Heads& at, const float* raw, float count, const float* emitted,
                     float* gradient) {
  for (int h = 0; h < at.heads; ++h) {
    for (int i = at.key(h); i < at.key(h) + s.width; ++i) gradient[i] *= 1 - emitted[i] * emitted[i];
    gradient[at.strength(h)] *= sigmoid(raw[at.strength(h)]);
    gradient[at.gate(h)] *= emitted[at.gate(h)] * (1 - emitted[at.gate(h)]);
    gradient[at.sharpening(h)] *= sigmoid(raw[at.sharpening(h)]);
    const int first = at.shift(h);
    const float mean = dot(at.shifts, gradient + first, emitted + first);
    for (int i = first; i < first + at.shifts; ++i) gradient[i] = emitted[i] * (gradient[i] - mean);
  }
  for (int w = 0; w < s.write_heads; ++w) {
    for (int i = at.erase(w); i < at.add(w); ++i) gradient[i] *= emitted[i] * (1 - emitted[i]);
    if (s.registers) {
      const float put = sigmoid(raw[at.erase(w)]), take = sigmoid(raw[at.add(w)]);
      gradient[at.erase(w)] = gradient[at.add(w)] * count * put * (1 - put);
      gradient[at.add(w)] *= -take * (1 - take);
    }
    if (!s.linear_adds)
      for (int i = at.add(w) + s.registers; i < at.add(w) + s.width; ++i) gradient[i] *= 1 - emitted[i] * emitted[i];
  }
  const int size = at.erase(s.write_heads);
  for (int i = 0; i < size; ++i) gradient[i] = std::fabs(raw[i]) > kClip ? 0 : gradient[i];
}

// ---- the controller, one layer of one sequence ----

void lstm_cell(int units, float* __restrict gates, const float* __restrict before, float* __restrict after,
               float* __restrict output) {
  float *input = gates, *forget = gates + units, *cell = gates + 2 * units, *out = gates + 3 * units;
  for (int i = 0; i < 2 * units; ++i) gates[i] = sigmoid(gates[i]);
  for (int i = 0; i < units; ++i) cell[i] = fast_tanh(cell[i]);
  for (int i = 0; i < units; ++i) out[i] = sigmoid(out[i]);
  for (int i = 0; i < units; ++i) after[i] = forget[i] * before[i] + input[i] * cell[i];
  for (int i = 0; i < units; ++i) output[i] = out[i] * fast_tanh(after[i]);
}

// Takes the gradients of output and cell; sets those of the gates before squashing, and the cell's of the step before.
void lstm_cell_backward(int units, const float* __restrict gates, const float* __restrict before,
                        const float* __restrict after, const float* __restrict output_gradient,
                        float* __restrict cell_gradient, float* __restrict gate_gradients) {
  const float *input = gates, *forget = gates + units, *cell = gates + 2 * units, *out = gates + 3 * units;
  for (int i = 0; i < units; ++i) {
    const float squashed = fast_tanh(after[i]);
    const float gradient = cell_gradient[i] + output_gradient[i] * out[i] * (1 - squashed * squashed);
    gate_gradients[i] = gradient * cell[i] * input[i] * (1 - input[i]);
    gate_gradients[units + i] = gradient * before[i] * forget[i] * (1 - forget[i]);
    gate_gradients[2 * units + i] = gradient * input[i] * (1 - cell[i] * cell[i]);
    gate_gradients[3 * units + i] = output_gradient[i] * squashed * out[i] * (1 - out[i]);
    cell_gradient[i] = gradient * forget[i];
  }
}

// ---- a chunk of sequences over all steps ----

struct Machine {
  const Shape& s;
  const Tape& tape;
  const Heads at;
  const int first, count;  // the sequences of this chunk
  const int heads = s.read_heads + s.write_heads, stride = padded(s.slots), read_size = s.read_heads * s.width;
  const int emitted_size = padded(at.erase(s.write_heads)), answer_size = padded(s.units + read_size);
  const int head_input = s.units + s.heads_see, head_input_size = padded(head_input);
  const int gate_count = s.lstm ? 4 * s.units : s.units, gate_size = padded(gate_count), cell_size = padded(s.units);

  Machine(const Shape& shape, const Tape& t, int begin, int end)
      : s(shape), tape(t), at(shape), first(begin), count(end - begin) {}

  // What a layer sees from below, and with its own last output.
  int below(int layer) const { return layer ? s.units : s.inputs + read_size; }
  int seen(int layer) const { return below(layer) + (s.lstm ? s.units : 0); }
  long row(int step, int b = 0) const { return static_cast<long>(step) * s.batch + first + b; }
  float counted(int step, int b) const { return s.registers ? tape.counts[row(step, b)] : 0; }
  float* of_memory(int step, int b) const { return tape.memory + row(step, b) * s.width * stride; }
  template <typename Value>
  Value* of_heads(Value* values, int step, int b) const { return values + row(step, b) * heads * stride; }

  void run() const {
    for (int step = 0; step < s.steps; ++step) {
      run_controller(step);
      product(count, head_input, emitted_size, {tape.controller_output + row(step) * head_input_size, head_input_size, 1},
              tape.weights, tape.bias, tape.raw + row(step) * emitted_size);
      for (int b = 0; b < count; ++b) run_heads(step, b);
    }
  }

  void run_controller(int step) const {
    for (int l = 0; l < s.layers; ++l) {
      const Layer& layer = tape.layers[l];
      const int size = padded(seen(l));
      float* gates = layer.gates + row(step) * gate_size;
      product(count, seen(l), gate_size, {layer.seen + row(step) * size, size, 1}, layer.weights, layer.bias, gates);
      for (int b = 0; b < count; ++b) {
        float* output = tape.controller_output + row(step, b) * head_input_size;
        float* own = gates + static_cast<long>(b) * gate_size;
        if (l + 1 < s.layers) output = tape.layers[l + 1].seen + row(step, b) * padded(seen(l + 1));
        if (s.lstm) {
          lstm_cell(s.units, own, layer.cells + row(step, b) * cell_size, layer.cells + row(step + 1, b) * cell_size,
                    output);
          if (step + 1 < s.steps) std::copy(output, output + s.units, layer.seen + row(step + 1, b) * size + below(l));
        } else {
          for (int i = 0; i < s.units; ++i) output[i] = own[i] = std::max(own[i], 0.0f);
        }
      }
    }
  }

  void run_heads(int step, int b) const {
    const float* raw = tape.raw + row(step, b) * emitted_size;
    float* emitted = tape.emitted + row(step, b) * emitted_size;
    squash(s, at, raw, counted(step, b), emitted);
    const float* memory = of_memory(step, b);
    float* norms = tape.norms + row(step, b) * stride;
    norms_of(stride, s.width - s.registers, memory + s.registers * stride, norms);
    float gated[stride];
    for (int h = 0; h < heads; ++h) {
      float* content = of_heads(tape.content, step, b) + h * stride;
      float* shifted = of_heads(tape.shifted, step, b) + h * stride;
      focus_by_content(s.slots, stride, s.width - s.registers, memory + s.registers * stride, norms,
                       emitted + at.key(h) + s.registers, emitted[at.strength(h)],
                       of_heads(tape.similarity, step, b) + h * stride, content);
      interpolate(s.slots, content, of_heads(tape.weightings, step, b) + h * stride, emitted[at.gate(h)], gated);
      shift(s.slots, s.shift_range, gated, emitted + at.shift(h), shifted);
      sharpen(s.slots, stride, shifted, emitted[at.sharpening(h)], of_heads(tape.weightings, step + 1, b) + h * stride);
    }
    const float* weightings = of_heads(tape.weightings, step + 1, b);
    float* after = of_memory(step + 1, b);
    write(s, at, stride, emitted, weightings + s.read_heads * stride, memory, after);
    read(step, b, weightings, after);
  }

  float dot_rows(const float* a, const float* b) const {
    Lanes sums{};
    for (int n = 0; n < stride; n += kLanes) sums += lanes(a + n) * lanes(b + n);
    return sum_of(sums);
  }

  // Equation 2, into what the output layer sees and what the controller sees at the next step.
  void read(int step, int b, const float* weightings, const float* memory) const {
    const float* output = tape.controller_output + row(step, b) * head_input_size;
    float* answer = tape.answer + row(step, b) * answer_size;
    std::copy(output, output + s.units, answer);
    float* reads = answer + s.units;
    for (int r = 0; r < s.read_heads; ++r)
      for (int m = 0; m < s.width; ++m)
        reads[r * s.width + m] = dot_rows(weightings + r * stride, memory + m * stride);
    if (s.gain != 0)
      for (int i = 0; i < read_size; ++i) reads[i] = std::tanh(s.gain * reads[i]);
    if (step + 1 < s.steps)
      std::copy(reads, reads + read_size, tape.layers[0].seen + row(step + 1, b) * padded(seen(0)) + s.inputs);
  }

  // What flows from one step back to the one before.
  struct Carried {
    std::vector<float> memory, weightings, reads;       // (b, M, N), (b, H, N), (b, R M)
    std::vector<std::vector<float>> outputs, cells;     // of each layer, (b, C)
  };

  void run_backward() const {
    Carried carried{std::vector<float>(static_cast<size_t>(count) * s.width * stride),
                    std::vector<float>(static_cast<size_t>(count) * heads * stride),
                    std::vector<float>(static_cast<size_t>(count) * read_size),
                    {static_cast<size_t>(s.layers), std::vector<float>(static_cast<size_t>(count) * s.units)},
                    {static_cast<size_t>(s.layers), std::vector<float>(static_cast<size_t>(count) * s.units)}};
    std::vector<float> head_input_gradient(static_cast<size_t>(count) * head_input_size);
    for (int step = s.steps - 1; step >= 0; --step) {
      for (int b = 0; b < count; ++b) run_heads_backward(step, b, carried);
      product(count, at.erase(s.write_heads), head_input_size, {tape.raw_gradients + row(step) * emitted_size, emitted_size, 1},
              tape.weights_out, nullptr, head_input_gradient.data());
      run_controller_backward(step, carried, head_input_gradient);
    }
    std::copy(carried.memory.begin(), carried.memory.end(), tape.memory_gradient + row(0) * s.width * stride);
    std::copy(carried.reads.begin(), carried.reads.end(), tape.reads_gradient + row(0) * read_size);
  }

  void run_heads_backward(int step, int b, Carried& carried) const {
    const float* emitted = tape.emitted + row(step, b) * emitted_size;
    float* gradient = tape.raw_gradients + row(step, b) * emitted_size;
    const float *memory = of_memory(step, b), *norms = tape.norms + row(step, b) * stride;
    const float* weightings = of_heads(tape.weightings, step + 1, b);
    float* memory_gradient = carried.memory.data() + static_cast<long>(b) * s.width * stride;
    float* weight_gradients = carried.weightings.data() + static_cast<long>(b) * heads * stride;
    std::fill(gradient, gradient + emitted_size, 0.0f);
    if (tape.weighting_gradients)
      accumulate(heads * stride, 1, of_heads(tape.weighting_gradients, step, b), weight_gradients);
    read_backward(step, b, carried, weightings, memory_gradient, weight_gradients);
    write_backward(s, at, stride, emitted, weightings + s.read_heads * stride, memory, memory_gradient,
                   weight_gradients + s.read_heads * stride, gradient);
    float along_memory[stride], gated[stride], gated_gradient[stride];
    std::fill(along_memory, along_memory + stride, 0.0f);
    for (int h = 0; h < heads; ++h) {
      float* own = weight_gradients + h * stride;
      const float* content = of_heads(tape.content, step, b) + h * stride;
      const float* previous = of_heads(tape.weightings, step, b) + h * stride;
      const float gate = emitted[at.gate(h)];
      gradient[at.sharpening(h)] =
          sharpen_backward(s.slots, of_heads(tape.shifted, step, b) + h * stride, emitted[at.sharpening(h)],
                           weightings + h * stride, own);
      interpolate(s.slots, content, previous, gate, gated);
      std::fill(gated_gradient, gated_gradient + s.slots, 0.0f);
      for (int by = -s.shift_range; by <= s.shift_range; ++by) {
        const int j = at.shift(h) + by + s.shift_range;
        gradient[j] = dot_shifted(s.slots, own, gated, by);
        accumulate_shifted(s.slots, emitted[j], own, -by, gated_gradient);
      }
      gradient[at.gate(h)] = dot(s.slots, gated_gradient, content) - dot(s.slots, gated_gradient, previous);
      for (int n = 0; n < s.slots; ++n) {
        own[n] = (1 - gate) * gated_gradient[n];
        gated_gradient[n] *= gate;
      }
      gradient[at.strength(h)] = focus_by_content_backward(
          s.slots, stride, s.width - s.registers, memory + s.registers * stride, norms, emitted + at.key(h) + s.registers,
          emitted[at.strength(h)], of_heads(tape.similarity, step, b) + h * stride, content, gated_gradient,
          along_memory, gradient + at.key(h) + s.registers, memory_gradient + s.registers * stride);
    }
    for (int m = s.registers; m < s.width; ++m)
      for (int n = 0; n < stride; n += kLanes)
        lanes(memory_gradient + m * stride + n) -= lanes(memory + m * stride + n) * lanes(along_memory + n);
    squash_backward(s, at, tape.raw + row(step, b) * emitted_size, counted(step, b), emitted, gradient);
  }

  void read_backward(int step, int b, Carried& carried, const float* weightings, float* memory_gradient,
                     float* weight_gradients) const {
    const float* seen_reads = tape.answer + row(step, b) * answer_size + s.units;
    const float* from_answer = tape.answer_gradients + row(step, b) * answer_size + s.units;
    float* gradient = carried.reads.data() + static_cast<long>(b) * read_size;
    const float* memory = of_memory(step + 1, b);
    for (int i = 0; i < read_size; ++i) {
      gradient[i] += from_answer[i];
      if (s.gain != 0) gradient[i] *= s.gain * (1 - seen_reads[i] * seen_reads[i]);
    }
    for (int r = 0; r < s.read_heads; ++r)
      for (int n = 0; n < stride; n += kLanes) {
        const Lanes weights = lanes(weightings + r * stride + n);
        Lanes weight_gradient = lanes(weight_gradients + r * stride + n);
        for (int m = 0; m < s.width; ++m) {
          weight_gradient += gradient[r * s.width + m] * lanes(memory + m * stride + n);
          lanes(memory_gradient + m * stride + n) += gradient[r * s.width + m] * weights;
        }
        lanes(weight_gradients + r * stride + n) = weight_gradient;
      }
  }

  void run_controller_backward(int step, Carried& carried, const std::vector<float>& head_input_gradient) const {
    std::vector<float> from_above(static_cast<size_t>(count) * s.units), seen_gradient;
    for (int b = 0; b < count; ++b)
      for (int i = 0; i < s.units; ++i)
        from_above[b * s.units + i] = head_input_gradient[static_cast<long>(b) * head_input_size + i] +
                                      tape.answer_gradients[row(step, b) * answer_size + i];
    for (int l = s.layers - 1; l >= 0; --l) {
      const Layer& layer = tape.layers[l];
      const int size = padded(seen(l));
      for (int b = 0; b < count; ++b) layer_backward(layer, step, b, l, carried, from_above.data() + b * s.units);
      seen_gradient.resize(static_cast<size_t>(count) * size);
      product(count, gate_count, size, {layer.gate_gradients + row(step) * gate_size, gate_size, 1}, layer.weights_out,
              nullptr, seen_gradient.data());
      for (int b = 0; b < count; ++b) {
        const float* own = seen_gradient.data() + static_cast<long>(b) * size;
        if (s.lstm) std::copy(own + below(l), own + below(l) + s.units, carried.outputs[l].data() + b * s.units);
        if (l) std::copy(own, own + s.units, from_above.data() + b * s.units);
        else std::copy(own + s.inputs, own + s.inputs + read_size, carried.reads.data() + b * read_size);
      }
    }
  }

  void layer_backward(const Layer& layer, int step, int b, int l, Carried& carried, float* output_gradient) const {
    const float* gates = layer.gates + row(step, b) * gate_size;
    float* gradients = layer.gate_gradients + row(step, b) * gate_size;
    if (s.lstm) {
      accumulate(s.units, 1, carried.outputs[l].data() + b * s.units, output_gradient);
      lstm_cell_backward(s.units, gates, layer.cells + row(step, b) * cell_size,
                         layer.cells + row(step + 1, b) * cell_size, output_gradient,
                         carried.cells[l].data() + b * s.units, gradients);
    } else {
      for (int i = 0; i < s.units; ++i) gradients[i] = gates[i] > 0 ? output_gradient[i] : 0;
    }
  }
};

// Every thread takes a chunk of sequences through all steps; the chunks share nothing.
template <typename Work>
void in_chunks(const Shape& s, const Tape& tape, int threads, Work work) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int chunk = 0; chunk < threads; ++chunk) {
    const int begin = s.batch * chunk / threads, end = s.batch * (chunk + 1) / threads;
    if (begin < end) work(Machine(s, tape, begin, end));
  }
}

}  // namespace

// C (rows, columns) = the sum over all steps and sequences of A's row times W's row: the gradient of a layer's weights.
extern "C" void ntm_weight_gradients(int rows, int columns, long count, const float* gradients, int gradients_stride,
                                     const float* seen, float* weight_gradients, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int chunk = 0; chunk < threads; ++chunk) {
    const int begin = static_cast<long>(rows) * chunk / threads, end = static_cast<long>(rows) * (chunk + 1) / threads;
    product(end - begin, static_cast<int>(count), columns, {gradients + begin, 1, gradients_stride}, seen, nullptr,
            weight_gradients + static_cast<long>(begin) * columns);
  }
}

// To how many floats the rows of all arrays are padded.
extern "C" int ntm_lanes() { return kLanes; }

extern "C" void ntm_forward(const Shape* shape, const Tape* tape, int threads) {
  in_chunks(*shape, *tape, threads, [](const Machine& machine) { machine.run(); });
}

extern "C" void ntm_backward(const Shape* shape, const Tape* tape, int threads) {
  in_chunks(*shape, *tape, threads, [](const Machine& machine) { machine.run_backward(); });
}
