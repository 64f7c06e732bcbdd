//! The checks of the store: whether it can be used, who writes to it, and to whom it belongs.

use std::path::{Path, PathBuf};

use crate::store::{JobState, Lease, Store, StoreError};

use super::super::exit::Exit;
use super::super::open::folder;
use super::{Ends, Judged};

const FILE: &str = "It holds which account is whose: without it nothing is written to ShareFile.";

const LEASE: &str = "One process at a time writes to the store; commands ask the one that does.";

const BELONGS: &str = "A store counts for one tenant, one application and one ShareFile account: \
                       with another one, everybody would seem to have left.";

/// Looks at the store, beside a running daemon as well.
pub(super) async fn checks(path: &Path, ends: &Ends) -> Vec<Judged> {
    let state = match Store::read_only(path) {
        Ok(store) => store.job().await.map(Some),
        Err(StoreError::Missing { .. }) => Ok(None),
        Err(problem) => Err(problem),
    };
    let mut checks = vec![file(path, &state)];
    let holder = Lease::holder(folder(path));
    let lease = holder.map_or_else(|| "free".to_owned(), |holder| format!("held by `{holder}`"));
    checks.push(Judged::ok("Store: lease", lease).means(LEASE));
    if let Ok(Some(state)) = &state {
        checks.push(belongs(state, ends));
    }
    checks
}

fn file(path: &Path, state: &Result<Option<JobState>, StoreError>) -> Judged {
    let name = "Store: file";
    let shown = path.display();
    match state {
        Ok(Some(_)) => Judged::ok(name, format!("{shown} can be read")),
        Ok(None) => absent(name, path),
        Err(problem @ StoreError::OlderVersion { .. }) => {
            Judged::warning(name, format!("{problem}: the next cycle brings it up to date"))
                .todo("Keep a copy of the file if you may want to go back to the older program.")
        }
        Err(problem) => {
            Judged::failed(name, Exit::Store, problem.to_string()).todo(problem.remedy())
        }
    }
    .means(FILE)
}

/// Judges a store that is not there yet by the folder that it will be made in.
fn absent(name: &str, path: &Path) -> Judged {
    let found = format!("{} is not there yet: the first cycle makes it", path.display());
    let place = existing(folder(path));
    let usable = std::fs::metadata(&place)
        .is_ok_and(|place| place.is_dir() && !place.permissions().readonly());
    match usable {
        true => Judged::ok(name, found),
        false => Judged::failed(
            name,
            Exit::Store,
            format!("{found}, but {} cannot be written to", place.display()),
        )
        .todo("Let the account that runs the daemon write there, or name another store.path."),
    }
}

/// Returns the nearest folder above that exists.
fn existing(folder: &Path) -> PathBuf {
    folder.ancestors().find(|one| one.exists()).unwrap_or(Path::new(".")).to_owned()
}

fn belongs(state: &JobState, ends: &Ends) -> Judged {
    let name = "Store: belongs to";
    let Some(pins) = &state.pins else {
        return Judged::ok(name, "nobody yet").means(BELONGS);
    };
    let application = pins.application_id.to_string();
    let found_application = ends.application_id.map(|id| id.to_string());
    let account = pins.account_id.as_deref().unwrap_or("not read yet");
    let differs = [
        ("tenant", Some(pins.tenant_id.as_str()), ends.tenant_id.as_deref()),
        ("application", Some(application.as_str()), found_application.as_deref()),
        ("ShareFile account", pins.account_id.as_deref(), ends.account_id.as_deref()),
    ]
    .into_iter()
    .find_map(|(what, stored, found)| {
        let (stored, found) = (stored?, found?);
        (!stored.eq_ignore_ascii_case(found)).then(|| {
            format!("it belongs to the {what} {stored}, but the configuration leads to {found}")
        })
    });
    match differs {
        None => {
            let pinned = format!(
                "tenant {}, application {application}, ShareFile account {account}",
                pins.tenant_id
            );
            Judged::ok(name, pinned)
        }
        Some(differs) => Judged::failed(name, Exit::Store, differs).todo(
            "Correct the configuration, or give the other tenant a store of its own \
             (store.path): nothing is written as it is.",
        ),
    }
    .means(BELONGS)
}
