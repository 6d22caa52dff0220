//! What `stateright` does not ask: can every reachable state still come to a good end? (Its `eventually` wants an end
//! on every path, and there are always paths on which a job is given back for ever.)

use std::{collections::VecDeque, fmt::Debug, hash::Hash};

use ahash::AHashMap;
use stateright::Model;

/// Visits everything reachable; the number of states, or one from which no good end can be reached.
pub(crate) fn good_end_stays_in_reach<M>(
    model: &M,
    is_good: impl Fn(&M::State) -> bool,
) -> Result<usize, M::State>
where
    M: Model,
    M::State: Clone + Debug + Eq + Hash,
{
    let mut numbers: AHashMap<M::State, usize> = AHashMap::new();
    let mut before: Vec<Vec<u32>> = Vec::new();
    let mut waiting = VecDeque::new();
    for state in model.init_states() {
        numbers.insert(state.clone(), before.len());
        waiting.push_back((state, before.len()));
        before.push(Vec::new());
    }
    let mut good = Vec::new();
    while let Some((state, number)) = waiting.pop_front() {
        if is_good(&state) {
            good.push(number);
        }
        for next in model.next_states(&state) {
            let to = *numbers.entry(next).or_insert_with_key(|next| {
                before.push(Vec::new());
                waiting.push_back((next.clone(), before.len() - 1));
                before.len() - 1
            });
            before[to].push(number as u32);
        }
    }
    let mut is_saved = vec![false; before.len()];
    while let Some(number) = good.pop() {
        if !std::mem::replace(&mut is_saved[number], true) {
            good.extend(before[number].iter().map(|from| *from as usize));
        }
    }
    match numbers.into_iter().find(|(_, number)| !is_saved[*number]) {
        Some((lost, _)) => Err(lost),
        None => Ok(is_saved.len()),
    }
}
