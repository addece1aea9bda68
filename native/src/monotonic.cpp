// Where a reader stops who goes through the keys from left to right, query after query, and its gradient.
//
//     reached_j = (1 - p_(j-1)) reached_(j-1) + stopped before_j,   stopped_j = p_j reached_j
//
// One lane for each problem; keys are taken one after the other, so nothing but the weights of a row is kept.
#include "api.hpp"
#include "threads.hpp"
#include "transpose.hpp"

namespace regard {
namespace {

// Probabilities (problems, rows, keys) and what was before the first row, (problems, keys).
template <class Real>
struct Readers {
    const Real* chances;
    const Real* carry;
    int64_t problems, rows, keys;
};

// The problems of one block: where each lane's row is, null where there is no problem.
template <class Real>
struct Block {
    static constexpr int width = Lanes<Real>::width;
    const Readers<Real>& readers;
    int64_t first;

    bool has(int lane) const { return first + lane < readers.problems; }

    template <class Number>
    void at(Number* tensor, int64_t row, Number** found) const {
        for (int lane = 0; lane < width; ++lane)
            found[lane] = has(lane) ? tensor + ((first + lane) * readers.rows + row) * readers.keys : nullptr;
    }

    template <class Number>
    void of_carry(Number* tensor, Number** found) const {
        for (int lane = 0; lane < width; ++lane)
            found[lane] = has(lane) ? tensor + (first + lane) * readers.keys : nullptr;
    }
};

// Calls body(key, keys from there on) for every square of keys.
template <class Real, class Body>
void by_squares(int64_t keys, const Body& body) {
    constexpr int64_t width = Lanes<Real>::width;
    for (int64_t key = 0; key < keys; key += width) body(key, keys - key < width ? keys - key : width);
}

template <class Real>
void align(const Block<Real>& block, Real* stopped) {
    constexpr int width = Lanes<Real>::width;
    const int64_t keys = block.readers.keys;
    Scratch scratch(2 * Scratch::room(keys * kBytes / 4));
    auto* carry = reinterpret_cast<Vector<Real>*>(scratch.take(keys * kBytes / 4));
    auto* next = reinterpret_cast<Vector<Real>*>(scratch.take(keys * kBytes / 4));
    Square<Real> square;
    const Real* from[width];
    Real* to[width];
    block.of_carry(block.readers.carry, from);
    by_squares<Real>(keys, [&](int64_t key, int64_t count) {
        square.load(from, key, count);
        for (int64_t i = 0; i < count; ++i) carry[key + i] = square.rows[i];
    });
    for (int64_t row = 0; row < block.readers.rows; ++row) {
        block.at(block.readers.chances, row, from);
        block.at(stopped, row, to);
        Vector<Real> passed = {}, reached = {};
        auto moved = passed > Real(0);
        by_squares<Real>(keys, [&](int64_t key, int64_t count) {
            square.load(from, key, count);
            for (int64_t i = 0; i < count; ++i) {
                const Vector<Real> chance = square.rows[i];
                reached = passed * reached + carry[key + i];
                next[key + i] = square.rows[i] = chance * reached;
                passed = 1 - chance;
                moved |= chance > Real(0);
            }
            square.store(to, key, count);
        });
        // A reader who had no chance to stop is still where he was.
        for (int64_t key = 0; key < keys && any(~moved); ++key) next[key] = moved ? next[key] : carry[key];
        std::swap(carry, next);
    }
}

// The last row before each that moved its reader, (rows, width); -1 where there is none.
template <class Real>
void find_sources(const Block<Real>& block, int32_t* sources) {
    constexpr int width = Lanes<Real>::width;
    for (int lane = 0; lane < width; ++lane) {
        int32_t last = -1;
        for (int64_t row = 0; row < block.readers.rows && block.has(lane); ++row) {
            sources[row * width + lane] = last;
            const Real* chances =
                block.readers.chances + ((block.first + lane) * block.readers.rows + row) * block.readers.keys;
            for (int64_t key = 0; key < block.readers.keys; ++key)
                if (chances[key] > 0) {
                    last = int32_t(row);
                    break;
                }
        }
    }
}

template <class Real>
struct Gradients {
    const Real* stopped;
    const Real* grad;
    Real* of_chances;
    Real* of_carry;
};

// What a row needs for its gradient: chances and what was reached, and what is worth something to the rows before.
template <class Real>
struct Row {
    Vector<Real>* chances;
    Vector<Real>* reached;
    Vector<Real>* onward;
};

template <class Real>
void reach(const Block<Real>& block, const Real* const* chances, const Real* const* sources, const Row<Real>& row) {
    Square<Real> square, before;
    Vector<Real> passed = {}, reached = {};
    by_squares<Real>(block.readers.keys, [&](int64_t key, int64_t count) {
        square.load(chances, key, count);
        before.load(sources, key, count);
        for (int64_t i = 0; i < count; ++i) {
            reached = passed * reached + before.rows[i];
            row.chances[key + i] = square.rows[i];
            row.reached[key + i] = reached;
            passed = 1 - square.rows[i];
        }
    });
}

// The same recursion, from the last key to the first.
template <class Real, class Mask>
void return_from(const Block<Real>& block, const Real* const* grad, Real* const* to, const Row<Real>& row, Mask moved) {
    constexpr int64_t width = Lanes<Real>::width;
    Square<Real> square;
    Vector<Real> behind = {};
    for (int64_t key = (block.readers.keys - 1) / width * width; key >= 0; key -= width) {
        const int64_t count = block.readers.keys - key < width ? block.readers.keys - key : width;
        square.load(grad, key, count);
        for (int64_t i = count - 1; i >= 0; --i) {
            const Vector<Real> onward = row.onward[key + i], chance = row.chances[key + i];
            const Vector<Real> by_stopped = square.rows[i] + (moved ? onward : Vector<Real>{});
            square.rows[i] = (by_stopped - behind) * row.reached[key + i];
            behind = chance * by_stopped + (1 - chance) * behind;
            row.onward[key + i] = behind + (moved ? Vector<Real>{} : onward);
        }
        square.store(to, key, count);
    }
}

template <class Real>
void gradient(const Block<Real>& block, const Gradients<Real>& given) {
    constexpr int width = Lanes<Real>::width;
    const Readers<Real>& readers = block.readers;
    const int64_t room = readers.keys * kBytes / 4;
    Scratch scratch(3 * Scratch::room(room) + Scratch::room(readers.rows * width));
    const Row<Real> work{reinterpret_cast<Vector<Real>*>(scratch.take(room)),
                         reinterpret_cast<Vector<Real>*>(scratch.take(room)),
                         reinterpret_cast<Vector<Real>*>(scratch.take(room))};
    auto* sources = reinterpret_cast<int32_t*>(scratch.take(readers.rows * width));
    find_sources(block, sources);
    for (int64_t key = 0; key < readers.keys; ++key) work.onward[key] = Vector<Real>{};
    const Real *chances[width], *before[width], *grad[width];
    Real* to[width];
    for (int64_t row = readers.rows - 1; row >= 0; --row) {
        // Behind the last row nothing is worth anything, so whether that one moved does not matter.
        Vector<Real> moves = {};
        block.of_carry(readers.carry, before);
        for (int lane = 0; lane < width && block.has(lane); ++lane) {
            const int32_t source = sources[row * width + lane];
            if (source >= 0)
                before[lane] = given.stopped + ((block.first + lane) * readers.rows + source) * readers.keys;
            moves[lane] = row + 1 < readers.rows && sources[(row + 1) * width + lane] == row ? 1 : 0;
        }
        block.at(readers.chances, row, chances);
        block.at(given.grad, row, grad);
        block.at(given.of_chances, row, to);
        reach(block, chances, before, work);
        return_from(block, grad, to, work, moves > Real(0));
    }
    block.of_carry(given.of_carry, to);
    Square<Real> square;
    by_squares<Real>(readers.keys, [&](int64_t key, int64_t count) {
        for (int64_t i = 0; i < width; ++i) square.rows[i] = i < count ? work.onward[key + i] : Vector<Real>{};
        square.store(to, key, count);
    });
}

template <class Real, class Body>
int by_blocks(const Readers<Real>& readers, int threads, const Body& body) {
    constexpr int width = Lanes<Real>::width;
    in_parallel(threads, (readers.problems + width - 1) / width,
                [&](int64_t item, int) { body(Block<Real>{readers, item * width}); });
    return 0;
}

}  // namespace
}  // namespace regard

// Of probabilities (problems, rows, keys) and what was before the first row, (problems, keys): where the readers stop.
REGARD_API int regard_monotonic_f32(const float* chances, const float* carry, int64_t problems, int64_t rows, int64_t keys,
                                    float* stopped, int threads) {
    return regard::by_blocks<float>({chances, carry, problems, rows, keys}, threads,
                                    [&](const regard::Block<float>& block) { regard::align(block, stopped); });
}

REGARD_API int regard_monotonic_f64(const double* chances, const double* carry, int64_t problems, int64_t rows, int64_t keys,
                                    double* stopped, int threads) {
    return regard::by_blocks<double>({chances, carry, problems, rows, keys}, threads,
                                    [&](const regard::Block<double>& block) { regard::align(block, stopped); });
}

// The gradient of regard_monotonic, from its result and the gradient of that.
REGARD_API int regard_monotonic_gradient_f32(const float* chances, const float* carry, int64_t problems, int64_t rows,
                                             int64_t keys, const float* stopped, const float* grad,
                                             float* of_chances, float* of_carry, int threads) {
    return regard::by_blocks<float>(
        {chances, carry, problems, rows, keys}, threads, [&](const regard::Block<float>& block) {
            regard::gradient(block, regard::Gradients<float>{stopped, grad, of_chances, of_carry});
        });
}

REGARD_API int regard_monotonic_gradient_f64(const double* chances, const double* carry, int64_t problems, int64_t rows,
                                             int64_t keys, const double* stopped, const double* grad,
                                             double* of_chances, double* of_carry, int threads) {
    return regard::by_blocks<double>(
        {chances, carry, problems, rows, keys}, threads, [&](const regard::Block<double>& block) {
            regard::gradient(block, regard::Gradients<double>{stopped, grad, of_chances, of_carry});
        });
}
