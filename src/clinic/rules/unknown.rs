//! What can be said although something is not known: what comes out the same with the best and with the worst that the
//! unknown could be.
//!
//! Invariant: sound only for rules that are monotone in what is unknown; the tests of each rule show that they are.

/// The grade that is certain, if the best and the worst case agree.
pub(super) fn certain<T: PartialEq + Copy>(best: T, worst: T) -> Option<T> {
    if best == worst { Some(best) } else { None }
}

/// The value twice if it is known, else the best and the worst it could be.
pub(super) fn span<T: Copy>(known: Option<T>, best: T, worst: T) -> (T, T) {
    known.map_or((best, worst), |known| (known, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_ends_agree_on_is_certain() {
        assert_eq!((certain(1, 1), certain(1, 2)), (Some(1), None));
        assert_eq!((span(Some(5), 0, 9), span(None, 0, 9)), ((5, 5), (0, 9)));
    }
}
