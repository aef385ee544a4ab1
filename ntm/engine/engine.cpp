// Forward and backward of a Neural Turing Machine over a whole sequence, as fast as one processor core goes.
//
// What is computed is defined by the files of ntm/machine; equation numbers are those of Graves, Wayne and Danihelka
// 2014 (arXiv 1410.5401). Forward writes every step to a tape, which the backward pass and a trace read.
//
// The engine is a handful of C functions, at the end of this file. They allocate nothing, hold nothing and call no
// library, so that the same source serves Python (native.py) and the browser (engine.js). Sequences share nothing: the
// caller may run any part of a batch on any thread, and gets the same bits.
//
// Slots and units are the innermost dimension of what is computed on, in rows padded to whole vectors, so that every
// loop over them is a loop over vectors. Padding holds zeros wherever it is read.

#include <cstdint>
#include <initializer_list>

namespace {

// ---- the processor ----

// How many floats a vector holds, and the block of a product whose sums stay in registers: rows times vectors of sums,
// a vector of each column, and one factor.
#if defined(__AVX512F__)
constexpr int kLanes = 16, kBlockRows = 8, kBlockVectors = 3;  // 32 registers
#elif defined(__AVX__)
constexpr int kLanes = 8, kBlockRows = 4, kBlockVectors = 3;  // 16 registers
#elif defined(__ARM_NEON)
constexpr int kLanes = 4, kBlockRows = 4, kBlockVectors = 4;  // 32 registers, some for factors that are loaded early
#else
constexpr int kLanes = 4, kBlockRows = 4, kBlockVectors = 2;  // 16 registers, and a product that is no part of a sum
#endif

// What has inner loops stands alone: inlined beside others it would share the registers with their constants, and spill.
#define ALONE __attribute__((noinline))

typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
typedef std::int32_t Bits __attribute__((vector_size(kLanes * sizeof(float))));

// A vector in memory may begin at any float, so it is copied: Clang takes any other way to it to be aligned.
Lanes lanes(const float* values) {
  Lanes loaded;
  __builtin_memcpy(&loaded, values, sizeof(Lanes));
  return loaded;
}

struct Stored {
  float* values;
  void operator=(Lanes changed) const { __builtin_memcpy(values, &changed, sizeof(Lanes)); }
  void operator+=(Lanes added) const { *this = lanes(values) + added; }
  void operator*=(Lanes factor) const { *this = lanes(values) * factor; }
};

Stored stored(float* values) { return {values}; }
Lanes all(float value) { return value - Lanes{}; }

constexpr int padded(int size) { return (size + kLanes - 1) / kLanes * kLanes; }

float sum_of(Lanes values) {
  float sum = 0;
  for (int i = 0; i < kLanes; ++i) sum += values[i];
  return sum;
}

// ---- functions of a number, good to a few units in the last place ----

constexpr float kLog2E = 1.442695041f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;

// exp(x) = scale + scale * fraction, for x from -86 to 88.
struct Power {
  Lanes scale, fraction;
};

Power power_of_e(Lanes x) {
  // Adding 1.5 * 2^23 rounds to a whole number, whose bits are then the last ones of the sum.
  const Lanes shifted = x * kLog2E + 12582912.0f;
  const Lanes whole = shifted - 12582912.0f;
  const Lanes rest = x - whole * kLn2High - whole * kLn2Low;
  Lanes series = all(1.394121796e-03f);
  series = series * rest + 8.363235072e-03f;
  series = series * rest + 4.166637408e-02f;
  series = series * rest + 1.666657665e-01f;
  series = series * rest + 5.000000027e-01f;
  const Bits exponent = ((Bits)shifted << 23) + (127 << 23);
  return {(Lanes)exponent, rest + rest * rest * series};
}

Lanes clamp(Lanes x, float least, float most) {
  x = x > least ? x : all(least);
  return x < most ? x : all(most);
}

// Zero below e^-86, and e^80 above it.
Lanes exp(Lanes x) {
  const Power power = power_of_e(clamp(x, -86, 80));
  return x < -86.0f ? Lanes{} : power.scale + power.scale * power.fraction;
}

Lanes sigmoid(Lanes x) { return 1 / (1 + exp(-x)); }
float sigmoid(float x) { return sigmoid(all(x))[0]; }

Lanes tanh(Lanes x) {
  const Power power = power_of_e(clamp(2 * x, -40, 40));
  const Lanes less_one = power.scale * power.fraction + (power.scale - 1);
  return less_one / (less_one + 2);
}

// Of normal numbers above 0.
Lanes log(Lanes x) {
  const Bits above_root_half = (Bits)x - 0x3f3504f3;
  const Bits exponent = above_root_half >> 23;
  const Bits mantissa = (Bits)x - (exponent << 23);
  const Lanes rest = (Lanes)mantissa - 1;  // from root 1/2 to root 2, less 1
  const Lanes s = rest / (rest + 2), square = s * s;
  const Lanes series = (2.958412969e-01f * square + 3.998867275e-01f) * square + 6.666668538e-01f;
  const Lanes whole = __builtin_convertvector(exponent, Lanes);
  return whole * kLn2High + (2 * s + (s * square * series + whole * kLn2Low));
}

Lanes softplus(Lanes x) {
  const Lanes small = exp(x < 0.0f ? x : -x), sum = 1 + small;
  const Lanes rounded_away = sum - 1;  // what of `small` is left in the sum
  const Lanes log_sum = rounded_away > 0.0f ? log(sum) * small / rounded_away : small;
  return (x > 0.0f ? x : Lanes{}) + log_sum;
}

Lanes sqrt(Lanes x) {
  float roots[kLanes];
  for (int i = 0; i < kLanes; ++i) roots[i] = __builtin_sqrtf(x[i]);
  return lanes(roots);
}

// ---- rows ----

void copy(int size, const float* __restrict from, float* __restrict to) {
  for (int i = 0; i < size; ++i) to[i] = from[i];
}

void clear(std::int64_t size, float* values) {
  for (std::int64_t i = 0; i < size; ++i) values[i] = 0;
}

void accumulate(int size, const float* __restrict from, float* __restrict to) {
  for (int i = 0; i < size; ++i) to[i] += from[i];
}

float dot(int size, const float* a, const float* b) {
  float sum = 0;
  for (int i = 0; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

// Of rows of whole vectors.
float dot_lanes(int row, const float* a, const float* b) {
  Lanes sum{};
  for (int n = 0; n < row; n += kLanes) sum += lanes(a + n) * lanes(b + n);
  return sum_of(sum);
}

ALONE
float sum_lanes(int row, const float* values) {
  Lanes sum{};
  for (int n = 0; n < row; n += kLanes) sum += lanes(values + n);
  return sum_of(sum);
}

// ---- products ----

// A matrix whose element (row, k) is at values[row * row_stride + k * k_stride]: a matrix or its transpose.
struct Left {
  const float* values;
  std::int64_t row_stride, k_stride;
  Left from(std::int64_t row, std::int64_t k) const {
    return {values + row * row_stride + k * k_stride, row_stride, k_stride};
  }
};

// C (rows, vectors) = start + A (rows, K) W (K, vectors). Rows of W are `w_stride` apart; those of `start`, which may be
// null, `start_stride`.
template <int kRows, int kVectors>
ALONE
void product_block(std::int64_t k_size, Left a, const float* w, std::int64_t w_stride, const float* start,
                   std::int64_t start_stride, float* c, std::int64_t c_stride) {
  Lanes sums[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sums[r][v] = start ? lanes(start + r * start_stride + v * kLanes) : Lanes{};
#pragma GCC unroll 1
  for (std::int64_t k = 0; k < k_size; ++k) {
    Lanes right[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      right[v] = lanes(w + k * w_stride + v * kLanes);
#if defined(__x86_64__)
      asm("" : "+x"(right[v]));  // or the compiler loads it once for every row
#endif
    }
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
    for (int v = 0; v < kVectors; ++v) stored(c + r * c_stride + v * kLanes) = sums[r][v];
}

template <int kRows, int kVectors>
void product_rows(int rows, std::int64_t k_size, Left a, const float* w, std::int64_t w_stride, const float* start,
                  std::int64_t start_stride, float* c, std::int64_t c_stride) {
  for (; rows >= kRows; rows -= kRows) {
    product_block<kRows, kVectors>(k_size, a, w, w_stride, start, start_stride, c, c_stride);
    a = a.from(kRows, 0);
    if (start) start += kRows * start_stride;
    c += kRows * c_stride;
  }
  if constexpr (kRows > 1)
    if (rows) product_rows<kRows - 1, kVectors>(rows, k_size, a, w, w_stride, start, start_stride, c, c_stride);
}

template <int kVectors = kBlockVectors>
void product_panel(int vectors, int rows, std::int64_t k_size, Left a, const float* w, std::int64_t w_stride,
                   const float* start, std::int64_t start_stride, float* c, std::int64_t c_stride) {
  if (vectors == kVectors)
    return product_rows<kBlockRows, kVectors>(rows, k_size, a, w, w_stride, start, start_stride, c, c_stride);
  if constexpr (kVectors > 1)
    product_panel<kVectors - 1>(vectors, rows, k_size, a, w, w_stride, start, start_stride, c, c_stride);
}

constexpr int kPanel = kBlockVectors * kLanes;

int panel_vectors(int columns, int column) {
  return (columns - column < kPanel ? columns - column : kPanel) / kLanes;
}

// C (rows, columns) = bias + A (rows, K) W (K, columns), W in panels of columns, each contiguous. `bias` may be null.
void product(int rows, int k_size, int columns, const float* a, std::int64_t a_stride, const float* panels,
             const float* bias, float* c) {
  for (int column = 0; column < columns; column += kPanel) {
    const int vectors = panel_vectors(columns, column);
    product_panel(vectors, rows, k_size, {a, a_stride, 1}, panels, vectors * kLanes, bias ? bias + column : nullptr, 0,
                  c + column, columns);
    panels += static_cast<std::int64_t>(k_size) * vectors * kLanes;
  }
}

// C (rows, columns) = the sum over `count` pairs of rows of the left one's elements from `begin` on times the right one.
// Pairs are taken in groups whose right side stays in the cache nearest to the processor.
void product_over_rows(int begin, int end, std::int64_t count, const float* left, int left_row, const float* right,
                       int right_row, int columns, float* c) {
  constexpr std::int64_t kGroup = 128;
  for (std::int64_t first = 0; first < count; first += kGroup) {
    const std::int64_t size = count - first < kGroup ? count - first : kGroup;
    for (int column = 0; column < columns; column += kPanel) {
      float* block = c + static_cast<std::int64_t>(begin) * columns + column;
      product_panel(panel_vectors(columns, column), end - begin, size, {left + begin + first * left_row, 1, left_row},
                    right + first * right_row + column, right_row, first ? block : nullptr, columns, block, columns);
    }
  }
}

}  // namespace

// ---- what the caller says ----

extern "C" {

struct Shape {
  std::int32_t steps, batch, inputs, outputs, units, layers, lstm, slots, width, read_heads, write_heads, shift_range;
  std::int32_t heads_see_input;  // 1 if the heads see the input besides the controller's output
  std::int32_t linear_adds;      // 1 if adds are not squashed
  std::int32_t count_channel;    // of the input, which memory's first column takes its count from; -1 for no register
  std::int32_t keeps_tape;       // 1 if every step is kept; 0 if only the logits and the last state matter
  float gain;                    // of the squashing through which the controller sees; 0 where it sees all as it is
};

// Where a trace finds what happened: offsets into the tape, in floats, and the floats between one slot row, or what the
// heads emit, and the next. Fields of T rows unless said.
struct Layout {
  std::int64_t memory;      // (T + 1, B, M, row of N): from before the first step on
  std::int64_t weightings;  // (T + 1, B, H, row of N): from before the first step on
  std::int64_t content;     // (T, B, H, row of N)
  std::int64_t reads;       // (T, B, row of R M)
  std::int64_t emitted;     // (T, B, row): what the heads emit, squashed
  std::int64_t slot_row, read_row, emitted_row;
  std::int64_t key, add, erase, gate, strength, sharpening, shift;  // where in a row of what the heads emit
};

// A number that somebody puts in place of another in every sequence, before anything has used it: all that comes after
// follows from it. Gradients do not know of it.
struct Override {
  std::int32_t step;
  std::int32_t field;  // 0: what the heads emit; 1: the weightings; 2: memory, between the step's writing and reading
  std::int32_t index;  // where in the step's part of that field, see Layout
  float value;
};
}

namespace {

constexpr int kMostLayers = 8;
constexpr float kClip = 20.0f;          // heads.py: _CLIP
constexpr float kNormEpsilon = 1e-20f;  // addressing.py: _NORM_EPSILON
constexpr float kSmallest = 1.2e-38f;   // weights below this count as zero; its logarithm is finite

// What the heads emit, in sections of whole vectors that are squashed alike: keys (H M) and adds (W M); erases (W M) and
// gates (H); strengths (H) and sharpenings (H); shifts (H S).
struct Emitted {
  int heads, writes, width, shifts;
  int key = 0, add, erase, gate, strength, sharpening, shift, size;

  explicit Emitted(const Shape& s)
      : heads(s.read_heads + s.write_heads), writes(s.write_heads), width(s.width), shifts(2 * s.shift_range + 1) {
    add = heads * width;
    erase = padded(add + writes * width);
    gate = erase + writes * width;
    strength = padded(gate + heads);
    sharpening = strength + heads;
    shift = padded(sharpening + heads);
    size = padded(shift + heads * shifts);
  }

  // The row of the machine's weights that emits this number, those of the addressing above those of the writing; -1 for
  // padding.
  int parameter_row(int column) const {
    const int each = width + 3 + shifts;
    auto addressing = [&](int first, int count, int offset) {
      return (column - first) / count * each + offset + (column - first) % count;
    };
    auto writing = [&](int first, int offset) {
      return heads * each + (column - first) / width * 2 * width + offset + (column - first) % width;
    };
    if (column < add) return addressing(key, width, 0);
    if (column < add + writes * width) return writing(add, width);
    if (column < erase) return -1;
    if (column < gate) return writing(erase, 0);
    if (column < gate + heads) return addressing(gate, 1, width + 1);
    if (column < strength) return -1;
    if (column < sharpening) return addressing(strength, 1, width);
    if (column < sharpening + heads) return addressing(sharpening, 1, width + 2 + shifts);
    if (column < shift) return -1;
    if (column < shift + heads * shifts) return addressing(shift, shifts, width + 2);
    return -1;
  }
};

// A linear layer: its weights in panels for the product forward, (inputs, columns), and backward, (columns, inputs).
struct Linear {
  int inputs, columns;
  float *forward, *backward, *bias;
  float *gradient, *bias_gradient;  // (columns, row of inputs) and (columns)
  int input_row() const { return padded(inputs); }
};

// One layer of the controller. A column of gates is a unit's gate, in sections of whole vectors: input, forget, cell and
// output gates of an LSTM, else one section.
struct ControllerLayer {
  Linear linear;
  int below;               // how much of what it sees comes from below; the rest is its own last output
  float* seen;             // (T + 1, B, row)
  float* gates;            // (T, B, columns), after their squashing
  float* cells;            // (T + 1, B, row of C)
  float* gate_gradients;   // (T, B, columns), before their squashing
  float* output_gradient;  // (B, row of C), from the step after
  float* cell_gradient;    // (B, row of C), from the step after
};

// All arrays of a run, in one piece of memory that the caller owns. Without a tape to keep, T is 1.
struct Tape {
  ControllerLayer layers[kMostLayers];
  Linear heads, output;
  float* features;         // (T, B, row): what the heads see of the input, the controller's output, the reads as seen
  float* raw;              // (T, B, emitted row)
  float* emitted;          // (T, B, emitted row)
  float* memory;           // (T + 1, B, M, row of N)
  float* inverse_norms;    // (T, B, row of N): of the memory's slots before the step
  float* similarity;       // (T, B, H, row of N)
  float* content;          // (T, B, H, row of N)
  float* shifted;          // (T, B, H, row of N)
  float* weightings;       // (T + 1, B, H, row of N)
  float* reads;            // (T, B, row of R M)
  float* raw_gradients;    // (T, B, emitted row)
  float* logit_gradients;  // (T, B, row of outputs)
  // From one step back to the one before.
  float* memory_gradient;     // (B, M, row of N)
  float* weighting_gradient;  // (B, H, row of N)
  float* reads_gradient;      // (B, row of R M)
  // Within a step.
  float* logits;             // (B, row of outputs)
  float* unit_scratch;       // (B, row of C)
  float* features_gradient;  // (B, row), without what the heads see of the input
  float* head_gradient;      // (B, row)
  float* seen_gradient;      // (B, the longest row)
  float* wrapped;            // (B, row of N and twice the shift range)
  float* slot_scratch;       // (B, 2 H + 2, row of N)
  float* real;               // (row of N): 1 for a slot, 0 for padding
  std::int64_t size;
};

// The sizes and the tape of a run.
struct Plan {
  const Shape& s;
  const Emitted at;
  const int heads = s.read_heads + s.write_heads, read_size = s.read_heads * s.width;
  const int registers = s.count_channel >= 0;
  const int slot_row = padded(s.slots), unit_row = padded(s.units), read_row = padded(read_size);
  const int output_row = padded(s.outputs), wrapped_row = padded(slot_row + 2 * s.shift_range + kLanes);
  const int gate_count = s.lstm ? 4 : 1, seen_by_heads = s.heads_see_input ? s.inputs : 0;
  const int feature_row = padded(seen_by_heads + s.units + read_size);
  int longest_seen_row = 0;
  Tape tape;

  Plan(const Shape& shape, float* memory) : s(shape), at(shape), tape() {
    const std::int64_t steps = s.keeps_tape ? s.steps : 1, rows = steps * s.batch, states = rows + s.batch;
    const std::int64_t batch = s.batch, backward = s.keeps_tape ? 1 : 0;
    auto take = [&](std::int64_t size) {
      float* at_here = memory ? memory + tape.size : nullptr;
      tape.size += (size + 15) / 16 * 16;
      return at_here;
    };
    auto linear = [&](int inputs, int columns) {
      Linear each{inputs, columns, nullptr, nullptr, nullptr, nullptr, nullptr};
      const std::int64_t size = static_cast<std::int64_t>(each.input_row()) * columns;
      each.forward = take(size);
      each.backward = take(backward * size);
      each.gradient = take(backward * size);
      each.bias = take(columns);
      each.bias_gradient = take(backward * columns);
      return each;
    };
    for (int l = 0; l < s.layers; ++l) {
      ControllerLayer& layer = tape.layers[l];
      layer.below = l ? s.units : s.inputs + read_size;
      layer.linear = linear(layer.below + (s.lstm ? s.units : 0), gate_count * unit_row);
      const int row = layer.linear.input_row(), columns = layer.linear.columns;
      longest_seen_row = longest_seen_row < row ? row : longest_seen_row;
      layer.seen = take(states * row);
      layer.gates = take(rows * columns);
      layer.cells = take(states * unit_row);
      layer.gate_gradients = take(backward * rows * columns);
      layer.output_gradient = take(backward * batch * unit_row);
      layer.cell_gradient = take(backward * batch * unit_row);
    }
    tape.heads = linear(seen_by_heads + s.units, at.size);
    tape.output = linear(s.units + read_size, output_row);
    tape.features = take(rows * feature_row);
    tape.raw = take(rows * at.size);
    tape.emitted = take(rows * at.size);
    tape.memory = take(states * s.width * slot_row);
    tape.inverse_norms = take(rows * slot_row);
    tape.similarity = take(rows * heads * slot_row);
    tape.content = take(rows * heads * slot_row);
    tape.shifted = take(rows * heads * slot_row);
    tape.weightings = take(states * heads * slot_row);
    tape.reads = take(rows * read_row);
    tape.raw_gradients = take(backward * rows * at.size);
    tape.logit_gradients = take(backward * rows * output_row);
    tape.memory_gradient = take(backward * batch * s.width * slot_row);
    tape.weighting_gradient = take(backward * batch * heads * slot_row);
    tape.reads_gradient = take(backward * batch * read_row);
    tape.logits = take(batch * output_row);
    tape.unit_scratch = take(batch * unit_row);
    tape.features_gradient = take(backward * batch * tape.output.input_row());
    tape.head_gradient = take(backward * batch * tape.heads.input_row());
    tape.seen_gradient = take(backward * batch * longest_seen_row);
    tape.wrapped = take(batch * wrapped_row);
    tape.slot_scratch = take(backward * batch * (2 * heads + 2) * slot_row);
    tape.real = take(slot_row);
  }

};

// The machine's parameters, or their gradients, in the order in which PyTorch lists those of `model.cell`.
template <typename Value>
struct Parameters {
  struct Layer {
    Value *weight, *own_weight, *bias, *own_bias;  // the second of each is an LSTM's: of what it sees of itself
  };
  Layer layers[kMostLayers];
  Value *addressing, *addressing_bias, *writing, *writing_bias, *output, *output_bias;

  Parameters(const Shape& s, Value* const* values) {
    for (int l = 0; l < s.layers; ++l) {
      layers[l].weight = *values++;
      layers[l].own_weight = s.lstm ? *values++ : nullptr;
      layers[l].bias = *values++;
      layers[l].own_bias = s.lstm ? *values++ : nullptr;
    }
    for (Value** each : {&addressing, &addressing_bias, &writing, &writing_bias, &output, &output_bias})
      *each = *values++;
  }
};

// The weights that lead to one column: the first `split` of them at one place, the others at another; none for padding.
template <typename Value>
struct Incoming {
  Value *first = nullptr, *second = nullptr, *bias = nullptr, *second_bias = nullptr;
  int split = 0;
  Value& operator[](int k) const { return k < split ? first[k] : second[k - split]; }
};

template <typename Value>
Incoming<Value> incoming_to_gate(const Plan& plan, const Parameters<Value>& parameters, int l, int column) {
  const int units = plan.s.units, unit = column % plan.unit_row, below = plan.tape.layers[l].below;
  if (unit >= units) return {};
  const std::int64_t row = column / plan.unit_row * units + unit;
  const auto& layer = parameters.layers[l];
  if (!plan.s.lstm) return {layer.weight + row * below, nullptr, layer.bias + row, nullptr, below};
  return {layer.weight + row * below, layer.own_weight + row * units, layer.bias + row, layer.own_bias + row, below};
}

template <typename Value>
Incoming<Value> incoming_to_head(const Plan& plan, const Parameters<Value>& parameters, int column) {
  const int inputs = plan.tape.heads.inputs, addressing_rows = plan.heads * (plan.s.width + 3 + plan.at.shifts);
  const int row = plan.at.parameter_row(column), writing_row = row - addressing_rows;
  if (row < 0) return {};
  const bool addresses = writing_row < 0;
  // The machine's heads see the controller first, then the input; a row of features has the input first.
  Value* weights = addresses ? parameters.addressing + static_cast<std::int64_t>(row) * inputs
                             : parameters.writing + static_cast<std::int64_t>(writing_row) * inputs;
  Value* bias = addresses ? parameters.addressing_bias + row : parameters.writing_bias + writing_row;
  return {weights + plan.s.units, weights, bias, nullptr, plan.seen_by_heads};
}

template <typename Value>
Incoming<Value> incoming_to_output(const Plan& plan, const Parameters<Value>& parameters, int column) {
  const int inputs = plan.tape.output.inputs;
  if (column >= plan.s.outputs) return {};
  return {parameters.output + static_cast<std::int64_t>(column) * inputs, nullptr, parameters.output_bias + column,
          nullptr, inputs};
}

// Puts a layer's weights into panels.
template <typename IncomingTo>
void pack(const Linear& linear, bool backward, IncomingTo incoming_to) {
  float* panels = linear.forward;
  for (int column = 0; column < linear.columns; column += kPanel) {
    const int width = panel_vectors(linear.columns, column) * kLanes;
    for (int i = 0; i < width; ++i) {
      const auto incoming = incoming_to(column + i);
      for (int k = 0; k < linear.inputs; ++k) panels[k * width + i] = incoming.bias ? incoming[k] : 0;
      linear.bias[column + i] = incoming.bias ? *incoming.bias : 0;
      if (incoming.second_bias) linear.bias[column + i] += *incoming.second_bias;
    }
    panels += static_cast<std::int64_t>(linear.inputs) * width;
  }
  if (!backward) return;
  for (int column = 0; column < linear.columns; ++column) {
    const auto incoming = incoming_to(column);
    panels = linear.backward;
    for (int first = 0; first < linear.input_row(); first += kPanel) {
      const int width = panel_vectors(linear.input_row(), first) * kLanes;
      for (int i = 0; i < width; ++i)
        panels[column * width + i] = incoming.bias && first + i < linear.inputs ? incoming[first + i] : 0;
      panels += static_cast<std::int64_t>(linear.columns) * width;
    }
  }
}

// The gradients of the weights that lead to the columns from `begin` on, from the gradients of the columns and what the
// layer saw, over `count` rows; and their place among the parameters.
template <typename IncomingTo>
void weight_gradients(const Linear& linear, int begin, int end, std::int64_t count, const float* gradients,
                      const float* seen, int seen_row, IncomingTo incoming_to) {
  const int input_row = linear.input_row();
  product_over_rows(begin, end, count, gradients, linear.columns, seen, seen_row, input_row, linear.gradient);
  const float one = 1;
  for (int column = begin; column < end; column += kPanel)
    product_panel(panel_vectors(end, column), 1, count, {&one, 0, 0}, gradients + column, linear.columns, nullptr, 0,
                  linear.bias_gradient + column, 0);
  for (int column = begin; column < end; ++column) {
    const auto incoming = incoming_to(column);
    if (!incoming.bias) continue;
    const float* found = linear.gradient + static_cast<std::int64_t>(column) * input_row;
    for (int k = 0; k < linear.inputs; ++k) incoming[k] = found[k];
    *incoming.bias = linear.bias_gradient[column];
    if (incoming.second_bias) *incoming.second_bias = *incoming.bias;
  }
}

// ---- addressing: section 3.3, one head of one sequence; `row` is the number of slots with padding ----

// For every slot the product with each of some keys (kKeys, N), and if asked 1 over its norm.
template <int kKeys, bool kNorms>
void search(int row, int width, const float* __restrict memory, const float* __restrict keys, int key_stride,
            float* __restrict inverse_norms, float* __restrict products) {
  for (int n = 0; n < row; n += kLanes) {
    Lanes squares = all(kNormEpsilon), sums[kKeys]{};
    for (int m = 0; m < width; ++m) {
      const Lanes content = lanes(memory + m * row + n);
      if constexpr (kNorms) squares += content * content;
      for (int k = 0; k < kKeys; ++k) sums[k] += keys[k * key_stride + m] * content;
    }
    if constexpr (kNorms) stored(inverse_norms + n) = 1 / sqrt(squares);
    for (int k = 0; k < kKeys; ++k) stored(products + k * row + n) = sums[k];
  }
}

float inverse_norm(int width, const float* key) { return 1 / __builtin_sqrtf(dot(width, key, key) + kNormEpsilon); }

// Equations 5 and 6: products of key and memory (N) become similarities, in place; content weighting (N). No similarity
// is above 1, so the powers are bounded.
ALONE
void focus_by_content(int row, float inverse_key_norm, const float* __restrict inverse_norms,
                      const float* __restrict real, float strength, float* __restrict similarity,
                      float* __restrict content) {
  Lanes sums{};
  for (int n = 0; n < row; n += kLanes) {
    const Lanes cosine = lanes(similarity + n) * inverse_key_norm * lanes(inverse_norms + n);
    const Lanes power = exp(strength * (cosine - 1)) * lanes(real + n);
    stored(similarity + n) = cosine;
    stored(content + n) = power;
    sums += power;
  }
  const float inverse_sum = 1 / sum_of(sums);
  for (int n = 0; n < row; n += kLanes) stored(content + n) *= all(inverse_sum);
}

struct FocusGradient {
  float strength;
  float key;  // what times the key is to be taken from the key's gradient
};

// Takes the gradient (N) of the content weighting and turns it into that of key times memory; adds to `along_memory` (N)
// what times the memory is to be taken from the memory's gradient.
ALONE
FocusGradient focus_by_content_backward(int row, float inverse_key_norm, const float* __restrict inverse_norms,
                                        float strength, const float* __restrict similarity,
                                        const float* __restrict content, float* __restrict gradient,
                                        float* __restrict along_memory) {
  const float mean = dot_lanes(row, gradient, content);
  Lanes strength_gradient{}, along_key{};
  for (int n = 0; n < row; n += kLanes) {
    const Lanes logit_gradient = lanes(content + n) * (lanes(gradient + n) - mean), cosine = lanes(similarity + n);
    const Lanes cosine_gradient = strength * logit_gradient, inverse_slot_norm = lanes(inverse_norms + n);
    const Lanes along = cosine_gradient * cosine;
    strength_gradient += logit_gradient * (cosine - 1);
    along_key += along;
    stored(along_memory + n) += along * inverse_slot_norm * inverse_slot_norm;
    stored(gradient + n) = cosine_gradient * inverse_key_norm * inverse_slot_norm;
  }
  return {sum_of(strength_gradient), sum_of(along_key) * inverse_key_norm * inverse_key_norm};
}

// From the gradients of some keys' products with the memory (kKeys, N) to those of the keys and of one column of memory
// (N). The first of several calls also takes off the column's gradient what lies along the memory.
template <int kKeys, bool kFirst>
void search_backward(int row, const float* __restrict column, const float* __restrict gradients,
                     const float* __restrict along_memory, const float* keys, int key_stride,
                     float* __restrict column_gradient, float* key_gradients) {
  Lanes sums[kKeys]{};
  float key[kKeys];
  for (int k = 0; k < kKeys; ++k) key[k] = keys[k * key_stride];
  for (int n = 0; n < row; n += kLanes) {
    const Lanes content = lanes(column + n);
    Lanes gradient = lanes(column_gradient + n);
    if constexpr (kFirst) gradient -= content * lanes(along_memory + n);
    for (int k = 0; k < kKeys; ++k) {
      sums[k] += lanes(gradients + k * row + n) * content;
      gradient += key[k] * lanes(gradients + k * row + n);
    }
    stored(column_gradient + n) = gradient;
  }
  for (int k = 0; k < kKeys; ++k) key_gradients[k * key_stride] += sum_of(sums[k]);
}

// Equation 7: interpolation.
ALONE
void interpolate(int row, const float* __restrict content, const float* __restrict previous, float gate,
                 float* __restrict gated) {
  for (int n = 0; n < row; n += kLanes)
    stored(gated + n) = gate * lanes(content + n) + (1 - gate) * lanes(previous + n);
}

// Writes what is before the first slot and after the last one around a circle: `reach` of each. The slots begin at
// `wrapped + reach`.
void wrap(int slots, int reach, float* wrapped) {
  for (int i = 0; i < reach; ++i) {
    wrapped[i] = wrapped[slots + i];
    wrapped[reach + slots + i] = wrapped[reach + i];
  }
}

// Equation 8: the circular shift, of a weighting that is wrapped.
ALONE
void shift(int row, int reach, const float* __restrict wrapped, const float* __restrict shifts,
           const float* __restrict real, float* __restrict shifted) {
  for (int n = 0; n < row; n += kLanes) {
    Lanes sum{};
    for (int j = 0; j <= 2 * reach; ++j) sum += shifts[j] * lanes(wrapped + n + 2 * reach - j);
    stored(shifted + n) = sum * lanes(real + n);
  }
}

float largest_of(int row, const float* values) {
  Lanes largest = all(kSmallest);
  for (int n = 0; n < row; n += kLanes) largest = lanes(values + n) > largest ? lanes(values + n) : largest;
  float found = largest[0];
  for (int i = 1; i < kLanes; ++i) found = largest[i] > found ? largest[i] : found;
  return found;
}

// The logarithm of each weight's share of the largest; of a weight that counts as zero, of the smallest one's.
Lanes log_share(Lanes weights, float inverse_largest) {
  return log(clamp(weights * inverse_largest, kSmallest, 1));
}

// Equation 9.
ALONE
void sharpen(int row, const float* __restrict shifted, float sharpening, float* __restrict weighting) {
  const float inverse_largest = 1 / largest_of(row, shifted);
  Lanes sums{};
  for (int n = 0; n < row; n += kLanes) {
    const Lanes weights = lanes(shifted + n), power = exp(sharpening * log_share(weights, inverse_largest));
    stored(weighting + n) = weights > kSmallest ? power : Lanes{};
    sums += lanes(weighting + n);
  }
  const float inverse_sum = 1 / sum_of(sums);
  for (int n = 0; n < row; n += kLanes) stored(weighting + n) *= all(inverse_sum);
}

// Turns the gradient (N) of the weighting into that of the shifted one, in place; returns the sharpening's.
ALONE
float sharpen_backward(int row, const float* __restrict shifted, float sharpening, const float* __restrict weighting,
                       const float* __restrict real, float* __restrict gradient) {
  const float mean = dot_lanes(row, gradient, weighting), inverse_largest = 1 / largest_of(row, shifted);
  Lanes sums{}, sharpening_gradient{};
  for (int n = 0; n < row; n += kLanes) {
    const Lanes weights = lanes(shifted + n), logs = log_share(weights, inverse_largest);
    const Lanes above_mean = lanes(gradient + n) - mean;
    // The power below the whole one, so that a slot of weight 0 has the gradient that it has in the limit.
    const Lanes lower_power = exp((sharpening - 1) * logs);
    sums += lower_power * weights * inverse_largest;
    sharpening_gradient += lanes(weighting + n) * above_mean * logs;
    stored(gradient + n) = lower_power * above_mean * lanes(real + n);
  }
  const float factor = sharpening / sum_of(sums) * inverse_largest;
  for (int n = 0; n < row; n += kLanes) stored(gradient + n) *= all(factor);
  return sum_of(sharpening_gradient);
}

// ---- memory: sections 3.1 and 3.2, one sequence ----

// Equations 3 and 4 for one column of memory (N): one head erases, and adds.
template <bool kErases, bool kAdds>
ALONE
void write_column(int row, const float* __restrict weights, float erase, float add, const float* before, float* after) {
  for (int n = 0; n < row; n += kLanes) {
    const Lanes weight = lanes(weights + n);
    Lanes content = lanes(before + n);
    if constexpr (kErases) content *= 1 - weight * erase;
    if constexpr (kAdds) content += weight * add;
    stored(after + n) = content;
  }
}

struct WriteGradient {
  float erase, add;
};

// Turns the gradient of a column after writing into that before, in place, and adds to that of the weighting.
template <bool kErases, bool kAdds>
ALONE
WriteGradient write_column_backward(int row, const float* __restrict weights, float erase, float add,
                                    const float* __restrict before, float* __restrict gradient,
                                    float* __restrict weight_gradients) {
  Lanes erase_gradient{}, add_gradient{};
  for (int n = 0; n < row; n += kLanes) {
    const Lanes weight = lanes(weights + n), flowing = lanes(gradient + n);
    Lanes weight_gradient = lanes(weight_gradients + n);
    if constexpr (kAdds) {
      add_gradient += weight * flowing;
      weight_gradient += add * flowing;
    }
    if constexpr (kErases) {
      const Lanes factor_gradient = flowing * lanes(before + n);
      erase_gradient -= factor_gradient * weight;
      weight_gradient -= factor_gradient * erase;
      stored(gradient + n) = flowing * (1 - weight * erase);
    }
    stored(weight_gradients + n) = weight_gradient;
  }
  return {sum_of(erase_gradient), sum_of(add_gradient)};
}

// All heads erase, then all add; the last one does both at once, for most machines have no other.
void write(const Shape& s, const Emitted& at, int row, const float* emitted, const float* weights, const float* before,
           float* after) {
  const int width = s.width, last = s.write_heads - 1;
  const float *erase = emitted + at.erase, *add = emitted + at.add;
  for (int m = 0; m < width; ++m) {
    const float* content = before + m * row;
    float* column = after + m * row;
    for (int w = 0; w < last; ++w) {
      write_column<true, false>(row, weights + w * row, erase[w * width + m], 0, content, column);
      content = column;
    }
    write_column<true, true>(row, weights + last * row, erase[last * width + m], add[last * width + m], content, column);
    for (int w = 0; w < last; ++w)
      write_column<false, true>(row, weights + w * row, 0, add[w * width + m], column, column);
  }
}

// Turns the gradient of the memory after writing into that before, in place; sets those of erase and add vectors and
// adds to those of the write weightings. `kept` (W - 1, N) is scratch.
void write_backward(const Shape& s, const Emitted& at, int row, const float* emitted, const float* weights,
                    const float* before, float* gradient, float* weight_gradients, float* emitted_gradient,
                    float* kept) {
  const int width = s.width, last = s.write_heads - 1;
  const float *erase = emitted + at.erase, *add = emitted + at.add;
  float *erase_gradients = emitted_gradient + at.erase, *add_gradients = emitted_gradient + at.add;
  for (int m = 0; m < width; ++m) {
    float* flowing = gradient + m * row;
    const float* content = before + m * row;
    for (int w = 0; w < last; ++w) {
      const WriteGradient found = write_column_backward<false, true>(
          row, weights + w * row, 0, add[w * width + m], nullptr, flowing, weight_gradients + w * row);
      add_gradients[w * width + m] = found.add;
      write_column<true, false>(row, weights + w * row, erase[w * width + m], 0, content, kept + w * row);
      content = kept + w * row;  // what the next head finds
    }
    const WriteGradient found =
        write_column_backward<true, true>(row, weights + last * row, erase[last * width + m], add[last * width + m],
                                          content, flowing, weight_gradients + last * row);
    erase_gradients[last * width + m] = found.erase;
    add_gradients[last * width + m] = found.add;
    for (int w = last - 1; w >= 0; --w)
      erase_gradients[w * width + m] =
          write_column_backward<true, false>(row, weights + w * row, erase[w * width + m], 0,
                                             w ? kept + (w - 1) * row : before + m * row, flowing,
                                             weight_gradients + w * row)
              .erase;
  }
}

ALONE
void add_scaled(int row, float factor, const float* __restrict values, float* __restrict sums) {
  for (int n = 0; n < row; n += kLanes) stored(sums + n) += factor * lanes(values + n);
}

// From the gradient of what one head reads (M) to that of its weighting (N), and of the memory, both added to.
ALONE
void read_backward(int row, int width, const float* __restrict gradient, const float* __restrict weights,
                   const float* __restrict memory, float* __restrict memory_gradient,
                   float* __restrict weight_gradients) {
  for (int n = 0; n < row; n += kLanes) {
    const Lanes weight = lanes(weights + n);
    Lanes weight_gradient = lanes(weight_gradients + n);
    for (int m = 0; m < width; ++m) {
      weight_gradient += gradient[m] * lanes(memory + m * row + n);
      stored(memory_gradient + m * row + n) += gradient[m] * weight;
    }
    stored(weight_gradients + n) = weight_gradient;
  }
}

// ---- what the heads emit ----

// Where there is a register, its gates stand in place of the first erase and the first add of each write head.
ALONE
void squash(const Shape& s, const Emitted& at, const float* raw, float count, float* emitted) {
  for (int i = 0; i < at.size; i += kLanes) {
    const Lanes clipped = clamp(lanes(raw + i), -kClip, kClip);
    stored(emitted + i) = i < at.erase      ? tanh(clipped)
                         : i < at.strength ? sigmoid(clipped)
                         : i < at.shift    ? softplus(clipped)
                                           : exp(clipped);
  }
  for (int h = 0; h < at.heads; ++h) {
    emitted[at.sharpening + h] += 1;
    float *shifts = emitted + at.shift + h * at.shifts, sum = 0;
    for (int j = 0; j < at.shifts; ++j) sum += shifts[j];
    for (int j = 0; j < at.shifts; ++j) shifts[j] /= sum;
  }
  if (s.linear_adds)
    for (int i = at.add; i < at.add + at.writes * at.width; ++i)
      emitted[i] = raw[i] < -kClip ? -kClip : raw[i] > kClip ? kClip : raw[i];
  if (s.count_channel >= 0)
    for (int w = 0; w < at.writes; ++w) {
      float *put = emitted + at.erase + w * at.width, *added = emitted + at.add + w * at.width;
      *added = *put * count - sigmoid(raw[at.add + w * at.width]);
      *put = 0;
    }
}

// Turns the gradient of what the heads emit into that before squashing, in place; returns the count's.
ALONE
float squash_backward(const Shape& s, const Emitted& at, const float* raw, float count, const float* emitted,
                      float* gradient) {
  float count_gradient = 0;
  // The gates of a register, before their section is squashed as if it had none.
  float put_gradient[at.writes], take_gradient[at.writes];
  for (int w = 0; s.count_channel >= 0 && w < at.writes; ++w) {
    const int put_at = at.erase + w * at.width, take_at = at.add + w * at.width;
    const float put = sigmoid(raw[put_at]), take = sigmoid(raw[take_at]);
    count_gradient += gradient[take_at] * put;
    put_gradient[w] = gradient[take_at] * count * put * (1 - put);
    take_gradient[w] = -gradient[take_at] * take * (1 - take);
  }
  for (int h = 0; h < at.heads; ++h) {
    const int first = at.shift + h * at.shifts;
    const float mean = dot(at.shifts, gradient + first, emitted + first);
    for (int i = first; i < first + at.shifts; ++i) gradient[i] = emitted[i] * (gradient[i] - mean);
  }
  const int linear_from = s.linear_adds ? at.add : at.erase;
  for (int i = 0; i < linear_from; ++i) gradient[i] *= 1 - emitted[i] * emitted[i];
  for (int i = at.erase; i < at.strength; i += kLanes)
    stored(gradient + i) *= lanes(emitted + i) * (1 - lanes(emitted + i));
  for (int i = at.strength; i < at.shift; i += kLanes) stored(gradient + i) *= sigmoid(lanes(raw + i));
  for (int w = 0; s.count_channel >= 0 && w < at.writes; ++w) {
    gradient[at.erase + w * at.width] = put_gradient[w];
    gradient[at.add + w * at.width] = take_gradient[w];
  }
  for (int i = 0; i < at.size; i += kLanes) {
    const Lanes value = lanes(raw + i), inside = value < -kClip ? Lanes{} : lanes(gradient + i);
    stored(gradient + i) = value > kClip ? Lanes{} : inside;
  }
  return count_gradient;
}

// ---- the controller, one layer of one sequence; `row` is the number of units with padding ----

ALONE
void lstm_cell(int row, float* gates, const float* before, float* after, float* output) {
  const float *input = gates, *forget = gates + row, *cell = gates + 2 * row, *out = gates + 3 * row;
  for (int i = 0; i < 4 * row; i += kLanes)
    stored(gates + i) = i >= 2 * row && i < 3 * row ? tanh(lanes(gates + i)) : sigmoid(lanes(gates + i));
  for (int i = 0; i < row; i += kLanes) {
    const Lanes carried = lanes(forget + i) * lanes(before + i) + lanes(input + i) * lanes(cell + i);
    stored(after + i) = carried;
    stored(output + i) = lanes(out + i) * tanh(carried);
  }
}

// Takes the gradients of output and cell; sets those of the gates before squashing, and the cell's of the step before.
ALONE
void lstm_cell_backward(int row, const float* gates, const float* before, const float* after,
                        const float* output_gradient, float* cell_gradient, float* gate_gradients) {
  for (int i = 0; i < row; i += kLanes) {
    const Lanes input = lanes(gates + i), forget = lanes(gates + row + i), cell = lanes(gates + 2 * row + i);
    const Lanes out = lanes(gates + 3 * row + i), squashed = tanh(lanes(after + i));
    const Lanes from_output = lanes(output_gradient + i);
    const Lanes gradient = lanes(cell_gradient + i) + from_output * out * (1 - squashed * squashed);
    stored(gate_gradients + i) = gradient * cell * input * (1 - input);
    stored(gate_gradients + row + i) = gradient * lanes(before + i) * forget * (1 - forget);
    stored(gate_gradients + 2 * row + i) = gradient * input * (1 - cell * cell);
    stored(gate_gradients + 3 * row + i) = from_output * squashed * out * (1 - out);
    stored(cell_gradient + i) = gradient * forget;
  }
}

// ---- some sequences of a batch, over all steps ----

struct Machine {
  const Plan& plan;
  const float* inputs;     // (T, B, in)
  const int first, count;  // the sequences
  const Override* overrides = nullptr;
  const int override_count = 0;

  const Shape& s = plan.s;
  const Tape& tape = plan.tape;
  const Emitted& at = plan.at;
  const int row = plan.slot_row;

  // The row of a field that has T of them, and of one that has one more for what was before the first step.
  std::int64_t of(int step, int b = 0) const {
    return static_cast<std::int64_t>(s.keeps_tape ? step : 0) * s.batch + first + b;
  }
  std::int64_t before(int step, int b = 0) const {
    return static_cast<std::int64_t>(s.keeps_tape ? step : step & 1) * s.batch + first + b;
  }
  std::int64_t after(int step, int b = 0) const { return before(step + 1, b); }
  std::int64_t given(int step, int b) const { return static_cast<std::int64_t>(step) * s.batch + first + b; }

  float* memory(std::int64_t at_row) const { return tape.memory + at_row * s.width * row; }
  template <typename Value>
  Value* heads(Value* field, std::int64_t at_row, int h = 0) const { return field + (at_row * plan.heads + h) * row; }
  float* features(std::int64_t at_row) const { return tape.features + at_row * plan.feature_row; }
  float count_in(int step, int b) const {
    return plan.registers ? inputs[given(step, b) * s.inputs + s.count_channel] : 0;
  }

  // What the controller sees of quantities, and the gradient of it.
  void sense(int size, const float* quantities, float* seen) const {
    if (s.gain == 0) return copy(size, quantities, seen);
    for (int i = 0; i < size; i += kLanes) {
      const int some = size - i < kLanes ? size - i : kLanes;
      Lanes part{};
      for (int j = 0; j < some; ++j) part[j] = quantities[i + j];
      part = tanh(s.gain * part);
      for (int j = 0; j < some; ++j) seen[i + j] = part[j];
    }
  }
  float sense_backward(float seen, float gradient) const {
    return s.gain == 0 ? gradient : s.gain * (1 - seen * seen) * gradient;
  }

  // ---- forward ----

  void run(const float* const* state, float* logits, float* const* last_state) const {
    begin(state);
    for (int step = 0; step < s.steps; ++step) {
      run_controller(step);
      product(count, tape.heads.inputs, at.size, features(of(step)), plan.feature_row, tape.heads.forward,
              tape.heads.bias, tape.raw + of(step) * at.size);
      for (int b = 0; b < count; ++b) run_heads(step, b);
      float* own = tape.logits + static_cast<std::int64_t>(first) * plan.output_row;
      product(count, tape.output.inputs, plan.output_row, features(of(step)) + plan.seen_by_heads, plan.feature_row,
              tape.output.forward, tape.output.bias, own);
      for (int b = 0; b < count; ++b) copy(s.outputs, own + b * plan.output_row, logits + given(step, b) * s.outputs);
    }
    end(last_state);
  }

  // A state is memory (B, N, M), weightings (B, H, N), reads (B, R M), then output and cell (B, C) of each layer.
  void begin(const float* const* state) const {
    for (int b = 0; b < count; ++b) {
      const std::int64_t from = first + b, to = before(0, b);
      clear(static_cast<std::int64_t>(s.width) * row, memory(to));
      for (int n = 0; n < s.slots; ++n)
        for (int m = 0; m < s.width; ++m)
          memory(to)[m * row + n] = state[0][(from * s.slots + n) * s.width + m];
      clear(static_cast<std::int64_t>(plan.heads) * row, heads(tape.weightings, to));
      for (int h = 0; h < plan.heads; ++h)
        copy(s.slots, state[1] + (from * plan.heads + h) * s.slots, heads(tape.weightings, to, h));
      clear(plan.wrapped_row, tape.wrapped + from * plan.wrapped_row);
      sense(plan.read_size, state[2] + from * plan.read_size, seen(0, to) + s.inputs);
      for (int l = 0; s.lstm && l < s.layers; ++l) {
        copy(s.units, state[3 + 2 * l] + from * s.units, seen(l, to) + tape.layers[l].below);
        clear(plan.unit_row, cells(l, to));
        copy(s.units, state[4 + 2 * l] + from * s.units, cells(l, to));
      }
    }
  }

  void end(float* const* state) const {
    for (int b = 0; b < count; ++b) {
      const std::int64_t to = first + b, from = before(s.steps, b);
      for (int n = 0; n < s.slots; ++n)
        for (int m = 0; m < s.width; ++m)
          state[0][(to * s.slots + n) * s.width + m] = memory(from)[m * row + n];
      for (int h = 0; h < plan.heads; ++h)
        copy(s.slots, heads(tape.weightings, from, h), state[1] + (to * plan.heads + h) * s.slots);
      copy(plan.read_size, tape.reads + of(s.steps - 1, b) * plan.read_row, state[2] + to * plan.read_size);
      for (int l = 0; s.lstm && l < s.layers; ++l) {
        copy(s.units, seen(l, from) + tape.layers[l].below, state[3 + 2 * l] + to * s.units);
        copy(s.units, cells(l, from), state[4 + 2 * l] + to * s.units);
      }
    }
  }

  float* seen(int l, std::int64_t at_row) const {
    return tape.layers[l].seen + at_row * tape.layers[l].linear.input_row();
  }
  float* cells(int l, std::int64_t at_row) const { return tape.layers[l].cells + at_row * plan.unit_row; }

  void run_controller(int step) const {
    for (int b = 0; b < count; ++b) sense(s.inputs, inputs + given(step, b) * s.inputs, seen(0, before(step, b)));
    for (int l = 0; l < s.layers; ++l) {
      const Linear& linear = tape.layers[l].linear;
      float* gates = tape.layers[l].gates + of(step) * linear.columns;
      product(count, linear.inputs, linear.columns, seen(l, before(step)), linear.input_row(), linear.forward,
              linear.bias, gates);
      for (int b = 0; b < count; ++b) {
        float* own = gates + static_cast<std::int64_t>(b) * linear.columns;
        const float* output = own;
        if (s.lstm) {
          float* computed = tape.unit_scratch + static_cast<std::int64_t>(first + b) * plan.unit_row;
          lstm_cell(plan.unit_row, own, cells(l, before(step, b)), cells(l, after(step, b)), computed);
          copy(s.units, computed, seen(l, after(step, b)) + tape.layers[l].below);
          output = computed;
        } else {
          for (int i = 0; i < plan.unit_row; i += kLanes)
            stored(own + i) = lanes(own + i) > 0.0f ? lanes(own + i) : Lanes{};
        }
        copy(s.units, output,
             l + 1 < s.layers ? seen(l + 1, before(step, b)) : features(of(step, b)) + plan.seen_by_heads);
      }
    }
    for (int b = 0; plan.seen_by_heads && b < count; ++b)
      copy(s.inputs, inputs + given(step, b) * s.inputs, features(of(step, b)));
  }

  void run_heads(int step, int b) const {
    const std::int64_t here = of(step, b);
    const int hidden = plan.registers;
    float* emitted = tape.emitted + here * at.size;
    squash(s, at, tape.raw + here * at.size, count_in(step, b), emitted);
    override_field(0, step, emitted);
    const float* contents = memory(before(step, b));
    const float* searched = contents + hidden * row;
    float *inverse_norms = tape.inverse_norms + here * row, *similarity = heads(tape.similarity, here);
    const float* keys = emitted + at.key + hidden;
    const int searched_width = s.width - hidden;
    for (int h = 0; h < plan.heads; h += 2) {
      auto* search_some = h + 1 == plan.heads ? (h ? search<1, false> : search<1, true>)
                                              : (h ? search<2, false> : search<2, true>);
      search_some(row, searched_width, searched, keys + h * s.width, s.width, inverse_norms, similarity + h * row);
    }
    float* wrapped = tape.wrapped + static_cast<std::int64_t>(first + b) * plan.wrapped_row;
    for (int h = 0; h < plan.heads; ++h) {
      float *content = heads(tape.content, here, h), *shifted = heads(tape.shifted, here, h);
      focus_by_content(row, inverse_norm(searched_width, keys + h * s.width), inverse_norms, tape.real,
                       emitted[at.strength + h], similarity + h * row, content);
      interpolate(row, content, heads(tape.weightings, before(step, b), h), emitted[at.gate + h],
                  wrapped + s.shift_range);
      wrap(s.slots, s.shift_range, wrapped);
      shift(row, s.shift_range, wrapped, emitted + at.shift + h * at.shifts, tape.real, shifted);
      sharpen(row, shifted, emitted[at.sharpening + h], heads(tape.weightings, after(step, b), h));
    }
    float *weightings = heads(tape.weightings, after(step, b)), *written = memory(after(step, b));
    override_field(1, step, weightings);
    write(s, at, row, emitted, weightings + s.read_heads * row, contents, written);
    override_field(2, step, written);
    read(step, b, weightings, written);
  }

  void override_field(int field, int step, float* values) const {
    for (int i = 0; i < override_count; ++i)
      if (overrides[i].step == step && overrides[i].field == field) values[overrides[i].index] = overrides[i].value;
  }

  // Equation 2, but all that a register holds; and what the layer of the logits and, at the next step, the controller
  // see of it.
  void read(int step, int b, const float* weightings, const float* contents) const {
    float *reads = tape.reads + of(step, b) * plan.read_row, *as_seen = features(of(step, b)) + plan.seen_by_heads + s.units;
    const float held = plan.registers ? sum_lanes(row, contents) : 0;
    for (int r = 0; r < s.read_heads; ++r) {
      if (plan.registers) reads[r * s.width] = held;
      for (int m = plan.registers; m < s.width; ++m)
        reads[r * s.width + m] = dot_lanes(row, weightings + r * row, contents + m * row);
    }
    sense(plan.read_size, reads, as_seen);
    copy(plan.read_size, as_seen, seen(0, after(step, b)) + s.inputs);
  }

  // ---- backward ----

  struct Gradients {
    const float* logits;             // (T, B, out)
    const float* weightings;         // (T, B, H, N), or null
    const float* const* last_state;  // as a state, each part or null
    float* inputs;                   // (T, B, in), or null
    float* const* state;             // as a state
  };

  void run_backward(const Gradients& gradients) const {
    begin_backward(gradients);
    for (int step = s.steps - 1; step >= 0; --step) {
      features_backward(step);
      for (int b = 0; b < count; ++b) run_heads_backward(step, b, gradients);
      float* from_heads = tape.head_gradient + static_cast<std::int64_t>(first) * tape.heads.input_row();
      product(count, at.size, tape.heads.input_row(), tape.raw_gradients + of(step) * at.size, at.size,
              tape.heads.backward, nullptr, from_heads);
      run_controller_backward(step, gradients.inputs);
    }
    end_backward(gradients);
  }

  int scratch_row() const { return (2 * plan.heads + 2) * row; }
  float* own(float* field, int size, int b) const { return field + static_cast<std::int64_t>(first + b) * size; }
  float* memory_gradient(int b) const { return own(tape.memory_gradient, s.width * row, b); }
  float* weighting_gradient(int b, int h = 0) const { return own(tape.weighting_gradient, plan.heads * row, b) + h * row; }
  float* reads_gradient(int b) const { return own(tape.reads_gradient, plan.read_row, b); }
  float* output_gradient(int l, int b) const { return own(tape.layers[l].output_gradient, plan.unit_row, b); }
  float* cell_gradient(int l, int b) const { return own(tape.layers[l].cell_gradient, plan.unit_row, b); }

  void begin_backward(const Gradients& gradients) const {
    const float* const* last = gradients.last_state;
    for (int b = 0; b < count; ++b) {
      const std::int64_t from = first + b;
      clear(static_cast<std::int64_t>(s.width) * row, memory_gradient(b));
      for (int n = 0; last[0] && n < s.slots; ++n)
        for (int m = 0; m < s.width; ++m)
          memory_gradient(b)[m * row + n] = last[0][(from * s.slots + n) * s.width + m];
      clear(static_cast<std::int64_t>(plan.heads) * row, weighting_gradient(b));
      for (int h = 0; last[1] && h < plan.heads; ++h)
        copy(s.slots, last[1] + (from * plan.heads + h) * s.slots, weighting_gradient(b, h));
      clear(plan.read_row, reads_gradient(b));
      if (last[2]) copy(plan.read_size, last[2] + from * plan.read_size, reads_gradient(b));
      for (int l = 0; l < s.layers; ++l) {
        clear(plan.unit_row, output_gradient(l, b));
        clear(plan.unit_row, cell_gradient(l, b));
        if (!s.lstm) continue;
        if (last[3 + 2 * l]) copy(s.units, last[3 + 2 * l] + from * s.units, output_gradient(l, b));
        if (last[4 + 2 * l]) copy(s.units, last[4 + 2 * l] + from * s.units, cell_gradient(l, b));
      }
      for (int step = 0; step < s.steps; ++step) {
        float* logit_gradient = tape.logit_gradients + of(step, b) * plan.output_row;
        clear(plan.output_row, logit_gradient);
        copy(s.outputs, gradients.logits + given(step, b) * s.outputs, logit_gradient);
      }
    }
  }

  void end_backward(const Gradients& gradients) const {
    for (int b = 0; b < count; ++b) {
      const std::int64_t to = first + b;
      for (int n = 0; n < s.slots; ++n)
        for (int m = 0; m < s.width; ++m)
          gradients.state[0][(to * s.slots + n) * s.width + m] = memory_gradient(b)[m * row + n];
      for (int h = 0; h < plan.heads; ++h)
        copy(s.slots, weighting_gradient(b, h), gradients.state[1] + (to * plan.heads + h) * s.slots);
      copy(plan.read_size, reads_gradient(b), gradients.state[2] + to * plan.read_size);
      for (int l = 0; s.lstm && l < s.layers; ++l) {
        copy(s.units, output_gradient(l, b), gradients.state[3 + 2 * l] + to * s.units);
        copy(s.units, cell_gradient(l, b), gradients.state[4 + 2 * l] + to * s.units);
      }
    }
  }

  // From the logits to what their layer sees. A row of the gradient has the controller's output first, then the reads.
  void features_backward(int step) const {
    product(count, plan.output_row, tape.output.input_row(), tape.logit_gradients + of(step) * plan.output_row,
            plan.output_row, tape.output.backward, nullptr, own(tape.features_gradient, tape.output.input_row(), 0));
  }

  void run_heads_backward(int step, int b, const Gradients& gradients) const {
    const std::int64_t here = of(step, b);
    const float* emitted = tape.emitted + here * at.size;
    float* gradient = tape.raw_gradients + here * at.size;
    const float *contents = memory(before(step, b)), *weightings = heads(tape.weightings, after(step, b));
    clear(at.size, gradient);
    for (int h = 0; gradients.weightings && h < plan.heads; ++h)
      accumulate(s.slots, gradients.weightings + (given(step, b) * plan.heads + h) * s.slots, weighting_gradient(b, h));
    read_backward(step, b, weightings);
    write_backward(s, at, row, emitted, weightings + s.read_heads * row, contents, memory_gradient(b),
                   weighting_gradient(b, s.read_heads), gradient, own(tape.slot_scratch, scratch_row(), b));
    address_backward(step, b, gradient);
    const float count_gradient =
        squash_backward(s, at, tape.raw + here * at.size, count_in(step, b), emitted, gradient);
    if (gradients.inputs) {
      float* to = gradients.inputs + given(step, b) * s.inputs;
      clear(s.inputs, to);
      if (plan.registers) to[s.count_channel] = count_gradient;
    }
  }

  void read_backward(int step, int b, const float* weightings) const {
    const float* as_seen = features(of(step, b)) + plan.seen_by_heads + s.units;
    const float* from_logits = own(tape.features_gradient, tape.output.input_row(), b) + s.units;
    const float* contents = memory(after(step, b));
    float* gradient = reads_gradient(b);
    for (int i = 0; i < plan.read_size; ++i) gradient[i] += sense_backward(as_seen[i], from_logits[i]);
    const int hidden = plan.registers;
    for (int r = 0; r < s.read_heads; ++r) {
      const float* own_gradient = gradient + r * s.width;
      ::read_backward(row, s.width - hidden, own_gradient + hidden, weightings + r * row, contents + hidden * row,
                      memory_gradient(b) + hidden * row, weighting_gradient(b, r));
      if (hidden) add_scaled(row, own_gradient[0], tape.real, memory_gradient(b));
    }
  }

  // From the weightings after the step to those before, what the heads emitted, and the memory they searched.
  ALONE
  void address_backward(int step, int b, float* gradient) const {
    const std::int64_t here = of(step, b);
    const int hidden = plan.registers, searched = s.width - hidden;
    const float *emitted = tape.emitted + here * at.size, *inverse_norms = tape.inverse_norms + here * row;
    float *scratch = own(tape.slot_scratch, scratch_row(), b), *along_memory = scratch + plan.heads * row;
    float* gated = along_memory + row;
    float* wrapped = own(tape.wrapped, plan.wrapped_row, b);
    clear(row, along_memory);
    for (int h = 0; h < plan.heads; ++h) {
      const float *content = heads(tape.content, here, h), *previous = heads(tape.weightings, before(step, b), h);
      const float *shifts = emitted + at.shift + h * at.shifts, gate = emitted[at.gate + h];
      float *own_gradient = weighting_gradient(b, h), *slot_gradient = scratch + h * row;
      gradient[at.sharpening + h] =
          sharpen_backward(row, heads(tape.shifted, here, h), emitted[at.sharpening + h],
                           heads(tape.weightings, after(step, b), h), tape.real, own_gradient);
      interpolate(row, content, previous, gate, gated);
      shift_backward(shifts, own_gradient, gated, wrapped, gradient + at.shift + h * at.shifts, slot_gradient);
      gradient[at.gate + h] = dot_lanes(row, slot_gradient, content) - dot_lanes(row, slot_gradient, previous);
      for (int n = 0; n < row; n += kLanes) {
        stored(own_gradient + n) = (1 - gate) * lanes(slot_gradient + n);
        stored(slot_gradient + n) *= all(gate);
      }
      const float* key = emitted + at.key + h * s.width + hidden;
      const FocusGradient focus = focus_by_content_backward(
          row, inverse_norm(searched, key), inverse_norms, emitted[at.strength + h], heads(tape.similarity, here, h),
          content, slot_gradient, along_memory);
      gradient[at.strength + h] = focus.strength;
      for (int m = 0; m < searched; ++m) gradient[at.key + h * s.width + hidden + m] = -focus.key * key[m];
    }
    for (int m = hidden; m < s.width; ++m)
      for (int h = 0; h < plan.heads; h += 2) {
        auto* some = h + 1 == plan.heads ? (h ? search_backward<1, false> : search_backward<1, true>)
                                         : (h ? search_backward<2, false> : search_backward<2, true>);
        const int key = at.key + h * s.width + m;
        some(row, memory(before(step, b)) + m * row, scratch + h * row, along_memory, emitted + key, s.width,
             memory_gradient(b) + m * row, gradient + key);
      }
  }

  // From the gradient (N) of the shifted weighting to those of the shifts and of the weighting before.
  ALONE
  void shift_backward(const float* shifts, const float* gradient, const float* gated, float* wrapped,
                      float* shift_gradients, float* gated_gradient) const {
    const int reach = s.shift_range;
    copy(row, gradient, wrapped + reach);
    wrap(s.slots, reach, wrapped);
    for (int j = 0; j <= 2 * reach; ++j) shift_gradients[j] = dot_lanes(row, gated, wrapped + j);
    for (int n = 0; n < row; n += kLanes) {
      Lanes sum{};
      for (int j = 0; j <= 2 * reach; ++j) sum += shifts[j] * lanes(wrapped + n + j);
      stored(gated_gradient + n) = sum * lanes(tape.real + n);
    }
  }

  void run_controller_backward(int step, float* inputs_gradient) const {
    const int head_row = tape.heads.input_row(), logit_row = tape.output.input_row();
    for (int b = 0; b < count; ++b) {
      const float* from_heads = own(tape.head_gradient, head_row, b);
      float* above = own(tape.unit_scratch, plan.unit_row, b);
      clear(plan.unit_row, above);
      copy(s.units, own(tape.features_gradient, logit_row, b), above);
      accumulate(s.units, from_heads + plan.seen_by_heads, above);
      if (inputs_gradient) accumulate(plan.seen_by_heads, from_heads, inputs_gradient + given(step, b) * s.inputs);
    }
    for (int l = s.layers - 1; l >= 0; --l) {
      const Linear& linear = tape.layers[l].linear;
      const int below = tape.layers[l].below;
      float* gate_gradients = tape.layers[l].gate_gradients + of(step) * linear.columns;
      for (int b = 0; b < count; ++b) layer_backward(step, b, l, gate_gradients + b * linear.columns);
      // Parts of a batch run side by side, each at a layer of its own: the longest row keeps them apart.
      float* seen_gradient = own(tape.seen_gradient, plan.longest_seen_row, 0);
      product(count, linear.columns, linear.input_row(), gate_gradients, linear.columns, linear.backward, nullptr,
              seen_gradient);
      for (int b = 0; b < count; ++b) {
        const float* gradient = seen_gradient + static_cast<std::int64_t>(b) * linear.input_row();
        if (s.lstm) copy(s.units, gradient + below, output_gradient(l, b));
        if (l) copy(s.units, gradient, own(tape.unit_scratch, plan.unit_row, b));
        else seen_backward(step, b, gradient, inputs_gradient);
      }
    }
  }

  // Through what the controller sees of the input and of the last reads.
  void seen_backward(int step, int b, const float* gradient, float* inputs_gradient) const {
    const float* as_seen = seen(0, before(step, b));
    for (int i = 0; inputs_gradient && i < s.inputs; ++i)
      inputs_gradient[given(step, b) * s.inputs + i] += sense_backward(as_seen[i], gradient[i]);
    for (int i = 0; i < plan.read_size; ++i)
      reads_gradient(b)[i] = sense_backward(as_seen[s.inputs + i], gradient[s.inputs + i]);
  }

  // From the gradient of a layer's output, which lies in the scratch row of the units, to that of its gates.
  void layer_backward(int step, int b, int l, float* gradients) const {
    const float* gates = tape.layers[l].gates + of(step, b) * tape.layers[l].linear.columns;
    float* from_above = own(tape.unit_scratch, plan.unit_row, b);
    if (s.lstm) {
      accumulate(plan.unit_row, output_gradient(l, b), from_above);
      lstm_cell_backward(plan.unit_row, gates, cells(l, before(step, b)), cells(l, after(step, b)), from_above,
                         cell_gradient(l, b), gradients);
    } else {
      for (int i = 0; i < plan.unit_row; i += kLanes)
        stored(gradients + i) = lanes(gates + i) > 0.0f ? lanes(from_above + i) : Lanes{};
    }
  }
};

}  // namespace

// ---- what the caller calls ----

#if defined(__wasm__)
#define EXPORT extern "C" __attribute__((visibility("default"), used))
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

// How many floats a vector of this build holds.
EXPORT int ntm_lanes() { return kLanes; }

// How many floats the memory of a run takes, or 0 if the machine has too many layers for the engine.
EXPORT std::int64_t ntm_tape_size(const Shape* shape) {
  return shape->layers > kMostLayers ? 0 : Plan(*shape, nullptr).tape.size;
}

EXPORT void ntm_layout(const Shape* shape, float* memory, Layout* layout) {
  const Plan plan(*shape, memory);
  const Tape& tape = plan.tape;
  *layout = {tape.memory - memory,  tape.weightings - memory, tape.content - memory, tape.reads - memory,
             tape.emitted - memory, plan.slot_row,            plan.read_row,         plan.at.size,
             plan.at.key,           plan.at.add,              plan.at.erase,         plan.at.gate,
             plan.at.strength,      plan.at.sharpening,       plan.at.shift};
}

// Readies the memory of a run: lays out the parameters for its products. Before all else.
EXPORT void ntm_prepare(const Shape* shape, float* memory, const float* const* parameters) {
  const Plan plan(*shape, memory);
  const Parameters<const float> given(*shape, parameters);
  const bool backward = shape->keeps_tape;
  for (int l = 0; l < shape->layers; ++l)
    pack(plan.tape.layers[l].linear, backward, [&](int column) { return incoming_to_gate(plan, given, l, column); });
  pack(plan.tape.heads, backward, [&](int column) { return incoming_to_head(plan, given, column); });
  pack(plan.tape.output, backward, [&](int column) { return incoming_to_output(plan, given, column); });
  for (int n = 0; n < plan.slot_row; ++n) plan.tape.real[n] = n < shape->slots;
}

// Runs the sequences from `begin` to `end` of a batch, with so many overrides, which may be none.
EXPORT void ntm_forward(const Shape* shape, float* memory, const float* inputs, const float* const* state,
                        float* logits, float* const* last_state, int begin, int end, const Override* overrides,
                        int override_count) {
  const Plan plan(*shape, memory);
  Machine{plan, inputs, begin, end - begin, overrides, override_count}.run(state, logits, last_state);
}

// From the gradients of what `ntm_forward` gave, of which those of the weightings and of parts of the last state may be
// null, to those of the inputs (unless null) and of the state.
EXPORT void ntm_backward(const Shape* shape, float* memory, const float* inputs, const float* logit_gradients,
                         const float* weighting_gradients, const float* const* last_state_gradients,
                         float* input_gradients, float* const* state_gradients, int begin, int end) {
  const Plan plan(*shape, memory);
  Machine{plan, inputs, begin, end - begin}.run_backward(
      {logit_gradients, weighting_gradients, last_state_gradients, input_gradients, state_gradients});
}

// After `ntm_backward` of the whole batch: one of so many parts of the gradients of the parameters.
EXPORT void ntm_weight_gradients(const Shape* shape, float* memory, float* const* gradients, int part, int parts) {
  const Plan plan(*shape, memory);
  const Tape& tape = plan.tape;
  const Parameters<float> found(*shape, gradients);
  const std::int64_t count = static_cast<std::int64_t>(shape->steps) * shape->batch;
  auto compute = [&](const Linear& linear, const float* column_gradients, const float* seen, int seen_row,
                     auto incoming_to) {
    const int vectors = linear.columns / kLanes;
    const int begin = vectors * part / parts * kLanes, end = vectors * (part + 1) / parts * kLanes;
    weight_gradients(linear, begin, end, count, column_gradients, seen, seen_row, incoming_to);
  };
  for (int l = 0; l < shape->layers; ++l) {
    const ControllerLayer& layer = tape.layers[l];
    compute(layer.linear, layer.gate_gradients, layer.seen, layer.linear.input_row(),
            [&](int column) { return incoming_to_gate(plan, found, l, column); });
  }
  compute(tape.heads, tape.raw_gradients, tape.features, plan.feature_row,
          [&](int column) { return incoming_to_head(plan, found, column); });
  compute(tape.output, tape.logit_gradients, tape.features + plan.seen_by_heads, plan.feature_row,
          [&](int column) { return incoming_to_output(plan, found, column); });
}
