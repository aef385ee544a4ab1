// Runs engine.cpp on what stands in a file, for processors that no Python is at hand for: `driver IN OUT`.
//
// A file is a row of arrays, each a count (int64) and so many float32. IN: the shape (int32 but for the last), the
// parameters, the inputs, the state, then the gradients of logits, weightings and last state. OUT: lanes, logits,
// weightings, last state, then the gradients of inputs, state and parameters.

#include <cstdio>
#include <cstring>
#include <vector>

#include "engine.cpp"

using Array = std::vector<float>;

static Array read_array(std::FILE* file) {
  std::int64_t count = 0;
  if (std::fread(&count, sizeof count, 1, file) != 1) return {};
  Array array(count);
  if (std::fread(array.data(), sizeof(float), count, file) != array.size()) return {};
  return array;
}

static void write_array(std::FILE* file, const Array& array) {
  const std::int64_t count = array.size();
  std::fwrite(&count, sizeof count, 1, file);
  std::fwrite(array.data(), sizeof(float), count, file);
}

static std::vector<float*> addresses(std::vector<Array>& arrays) {
  std::vector<float*> found;
  for (Array& array : arrays) found.push_back(array.data());
  return found;
}

static std::vector<Array> read_arrays(std::FILE* file, int count) {
  std::vector<Array> arrays;
  for (int i = 0; i < count; ++i) arrays.push_back(read_array(file));
  return arrays;
}

int main(int, char** arguments) {
  std::FILE *in = std::fopen(arguments[1], "rb"), *out = std::fopen(arguments[2], "wb");
  Shape s;
  std::memcpy(&s, read_array(in).data(), sizeof s);
  const int parts = 3 + (s.lstm ? 2 * s.layers : 0);
  std::vector<Array> parameters = read_arrays(in, (s.lstm ? 4 : 2) * s.layers + 6);
  Array inputs = read_array(in);
  std::vector<Array> state = read_arrays(in, parts);
  Array logit_gradients = read_array(in), weighting_gradients = read_array(in);
  std::vector<Array> last_gradients = read_arrays(in, parts);

  Array tape(ntm_tape_size(&s)), logits(logit_gradients.size()), weightings, input_gradients(inputs.size());
  std::vector<Array> last = state, state_gradients = state, gradients = parameters;
  ntm_prepare(&s, tape.data(), addresses(parameters).data());
  ntm_forward(&s, tape.data(), inputs.data(), addresses(state).data(), logits.data(), addresses(last).data(), 0, s.batch,
              nullptr, 0);
  Layout layout;
  ntm_layout(&s, tape.data(), &layout);
  const std::int64_t rows = s.batch * (s.read_heads + s.write_heads);
  for (std::int64_t row = rows; row < (s.steps + 1) * rows; ++row) {
    const float* first = tape.data() + layout.weightings + row * layout.slot_row;
    weightings.insert(weightings.end(), first, first + s.slots);
  }
  ntm_backward(&s, tape.data(), inputs.data(), logit_gradients.data(), weighting_gradients.data(),
               addresses(last_gradients).data(), input_gradients.data(), addresses(state_gradients).data(), 0, s.batch);
  ntm_weight_gradients(&s, tape.data(), addresses(gradients).data(), 0, 1);

  write_array(out, Array(1, ntm_lanes()));
  for (const Array* array : {&logits, &weightings}) write_array(out, *array);
  for (const Array& array : last) write_array(out, array);
  write_array(out, input_gradients);
  for (const auto* arrays : {&state_gradients, &gradients})
    for (const Array& array : *arrays) write_array(out, array);
  return std::fclose(out);
}
