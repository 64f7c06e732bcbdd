//! Fixed histories of few people: each ends in the desired state, and no account outside the job
//! is ever changed.

use crate::history::{Broken, Settings, tell_all};

#[test]
fn sixty_four_histories_end_as_they_should() {
    let settings = Settings { steps: 25, people: 24, faults: 30 };
    let (figures, broken) = tell_all(1, 64, settings, &|_, _| {});
    let broken: Vec<String> = broken.iter().map(Broken::to_string).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
    println!("{figures}");
}
