use std::{env, fmt};

use futures::future::join_all;
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// The seed, unless `LEMON_TEST_SEED` is another.
const SEED: u64 = 2718;

/// How often a sequence is run again, at most, to make it shorter.
const SHRINKS: usize = 1_500;

/// The seed of this run.
///
/// # Panics
/// If `LEMON_TEST_SEED` is no number.
#[must_use]
#[expect(clippy::expect_used, reason = "a wrong seed fails the test")]
pub fn seed() -> u64 {
    env::var("LEMON_TEST_SEED").map_or(SEED, |seed| {
        seed.parse().expect("LEMON_TEST_SEED is a number")
    })
}

/// The shortest sequence of steps that two adapters answered differently.
#[derive(Debug, Clone)]
pub struct Shortest<Step> {
    /// The seed of the search.
    pub seed: u64,
    /// Which sequence of the search it was made of, from 1.
    pub sequence: usize,
    /// The steps.
    pub steps: Vec<Step>,
    /// What was different.
    pub difference: String,
}

impl<Step: fmt::Display> fmt::Display for Shortest<Step> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seed, sequence) = (self.seed, self.sequence);
        writeln!(
            f,
            "seed {seed} (LEMON_TEST_SEED), sequence {sequence}; the shortest that differs:"
        )?;
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(f, "{number:>4}. {step}")?;
        }
        f.write_str(&self.difference)
    }
}

/// Runs sequences of steps, some at a time, up to the first that differs, and shortens that. The same seed makes the same
/// sequences.
///
/// # Errors
/// The shortest sequence that differs.
///
/// # Panics
/// If the strategy makes no value.
pub async fn search<Step: Clone + fmt::Debug>(
    sequences: usize,
    at_a_time: usize,
    steps: impl Strategy<Value = Vec<Step>>,
    run: impl AsyncFn(&[Step]) -> Result<(), String>,
) -> Result<(), Shortest<Step>> {
    let seed = seed();
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for first in (1..=sequences).step_by(at_a_time) {
        let numbers = first..=sequences.min(first + at_a_time - 1);
        #[expect(clippy::expect_used, reason = "no strategy here rejects its values")]
        let trees = numbers.map(|_| steps.new_tree(&mut runner).expect("a sequence"));
        let mut trees: Vec<_> = trees.collect();
        let wholes: Vec<_> = trees.iter().map(ValueTree::current).collect();
        let ran = join_all(wholes.iter().map(|whole| run(whole))).await;
        let differs = |(index, ran): (usize, Result<(), String>)| Some((index, ran.err()?));
        if let Some((index, difference)) = ran.into_iter().enumerate().find_map(differs) {
            let whole = wholes[index].clone();
            let (steps, difference) = shorten(&mut trees[index], whole, difference, &run).await;
            return Err(Shortest {
                seed,
                sequence: first + index,
                steps,
                difference,
            });
        }
    }
    Ok(())
}

/// Makes a sequence shorter and its steps simpler, as long as it differs.
async fn shorten<Step: Clone>(
    tree: &mut impl ValueTree<Value = Vec<Step>>,
    whole: Vec<Step>,
    difference: String,
    run: &impl AsyncFn(&[Step]) -> Result<(), String>,
) -> (Vec<Step>, String) {
    let mut shortest = (whole, difference);
    // proptest takes steps out, then makes each simpler, and does not take out again what that made superfluous.
    let mut goes_on = tree.simplify();
    for _ in 0..SHRINKS {
        if !goes_on {
            break;
        }
        let steps = tree.current();
        goes_on = match run(&steps).await {
            Err(difference) => {
                shortest = (steps, difference);
                tree.simplify()
            }
            Ok(()) => tree.complicate(),
        };
    }
    let mut index = 0;
    while index < shortest.0.len() {
        let mut steps = shortest.0.clone();
        steps.remove(index);
        match run(&steps).await {
            Err(difference) => shortest = (steps, difference),
            Ok(()) => index += 1,
        }
    }
    shortest
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;

    use super::*;

    #[tokio::test]
    async fn the_shortest_sequence_is_found_and_told_in_words() {
        let differs = async |steps: &[u8]| {
            let from = steps.iter().position(|step| *step > 100);
            let later = steps.iter().skip(from.unwrap_or(usize::MAX));
            let highest = later.copied().max().unwrap_or_default();
            let fault = || format!("{highest} is too much");
            (highest < 150).then_some(()).ok_or_else(fault)
        };
        let find = async || search(100, 7, vec(0_u8..200, 0..20), differs).await;
        let shortest = find().await.unwrap_err();
        assert_eq!(shortest.steps, [150], "{shortest}");
        let told = shortest.to_string();
        assert!(told.contains(&format!("seed {}", seed())), "{told}");
        assert!(told.contains("\n   1. 150\n150 is too much"), "{told}");
        assert_eq!(find().await.unwrap_err().to_string(), told);
    }

    #[tokio::test]
    async fn nothing_is_found_where_nothing_differs() {
        let same = async |_: &[u8]| Ok(());
        assert!(search(10, 3, vec(0_u8..9, 0..5), same).await.is_ok());
    }
}
