#include "weigh.hpp"

#include "rules.hpp"

namespace regard {

const Weighing& weighing_of(const Problem& problem) {
    switch (Rule(problem.rule)) {
        case kEntmax: return kEntmaxRule;
        case kSigmoid: return kSigmoidRule;
        case kTopK: return kTopKRule;
        case kArgmax: return kArgmaxRule;
        case kGumbel: return kGumbelRule;
        case kGumbelHard: return kGumbelHardRule;
        default: return kSoftmaxRule;
    }
}

}  // namespace regard
