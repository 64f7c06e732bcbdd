//! Malformed answers: so many as fit into a moment. `tests/simulate` takes all ten thousand.

use crate::malformed::try_all;

#[test]
fn hundreds_of_malformed_answers_harm_nobody() {
    let (figures, broken) = try_all(1, 700);
    println!("{figures}");
    let broken: Vec<String> =
        broken.iter().map(|(seed, what)| format!("seed {seed}: {what}")).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
    assert!(figures.answers >= 700 && figures.writes > 400, "{figures}");
    assert!(figures.failed > 200 && figures.removals > 50, "{figures}");
}
