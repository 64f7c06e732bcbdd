//! `check`: the configuration, all problems at once.

use super::exit::{Exit, Failure};
use super::open::Place;
use super::output;

/// Reads the configuration with its secrets, and says whether it can be used.
pub fn check(place: &Place) -> Result<Exit, Failure> {
    place.check()?;
    output::line(&format!("{}: the configuration can be used.", place.config.display()));
    Ok(Exit::Done)
}
