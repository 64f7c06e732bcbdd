//! What goes wrong in a cycle.

use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};

use super::dice::Dice;

/// The forms of `Retry-After`: none, whole and fractional seconds, dates to come and gone by, and
/// nonsense.
const RETRY_AFTER: [Option<&str>; 8] = [
    None,
    Some("0"),
    Some("2"),
    Some("1.5"),
    Some("45"),
    Some("Wed, 21 Oct 2065 07:28:00 GMT"),
    Some("Wed, 21 Oct 2015 07:28:00 GMT"),
    Some("soon"),
];

/// What ShareFile says when it slows a caller down: a status and the reason with it.
const THROTTLED: [(u16, &str); 4] =
    [(429, "Throttled"), (503, "Throttled"), (400, "Throttled"), (403, "Throttled")];

/// Endpoints whose lists may be cut. The assignment list has no count that would give a cut away;
/// only a second read shows it, so that it is cut once in a cycle.
const LISTS: [&str; 8] = [
    "/members/",
    "users/delta",
    "groups/delta",
    "GET /v1.0/users",
    "/Accounts/Employees",
    "/Accounts/Clients",
    "/Contacts",
    "GET /sf/v3/Groups",
];

/// Returns the faults of one cycle: one to three, each of which ends by itself.
pub fn draw(dice: &mut Dice) -> Vec<Fault> {
    let mut faults: Vec<Fault> = (0..=dice.below(3)).map(|_| one(dice)).collect();
    let of_assignments =
        |fault: &Fault| fault.endpoint.as_deref().is_some_and(|at| at.contains("appRoleAssigned"));
    let mut seen = false;
    faults.retain(|fault| !of_assignments(fault) || !std::mem::replace(&mut seen, true));
    faults
}

fn one(dice: &mut Dice) -> Fault {
    let after = u32::try_from(dice.below(7)).expect("small");
    let times = 1 + u32::try_from(dice.below(3)).expect("small");
    let fault = Fault::new(kind(dice)).after(after).times(times);
    let kind = fault.kind;
    match kind {
        FaultKind::TooManyRequests if dice.chance(30) => {
            let (status, reason) = dice.pick(&THROTTLED).copied().expect("some");
            let waits = dice.pick(&RETRY_AFTER).copied().flatten();
            Fault {
                status: Some(status),
                reason: Some(reason.to_owned()),
                retry_after: waits.map(str::to_owned),
                ..fault.at("/sf/v3/")
            }
        }
        FaultKind::TooManyRequests | FaultKind::Unavailable => {
            let fault = aimed(dice, fault);
            let waits = dice.pick(&RETRY_AFTER).copied().flatten();
            waits.map_or(fault.clone(), |text| fault.retry_after(text))
        }
        FaultKind::ExpiredDelta => {
            let status = dice.weighed(&[(1, None), (1, Some(410))]);
            Fault { status, ..Fault::new(kind).times(1) }
        }
        FaultKind::CutList if dice.chance(30) => {
            Fault::new(kind).at("appRoleAssignedTo").times(1).keep(dice.below(6))
        }
        FaultKind::CutList => {
            let at = dice.pick(&LISTS).copied().unwrap_or_default();
            Fault::new(kind).at(at).times(times).keep(dice.below(4))
        }
        FaultKind::NullPeople => Fault::new(kind).at("/members").times(times),
        FaultKind::Slow => aimed(dice, fault).delay_ms(20_000),
        FaultKind::Trickle => aimed(dice, fault).delay_ms(10),
        FaultKind::EmptyPage | FaultKind::RepeatedPage | FaultKind::ReorderedPage => {
            let all = [&LISTS[..], &["appRoleAssignedTo"]].concat();
            Fault::new(kind).at(dice.pick(&all).copied().unwrap_or_default()).times(times)
        }
        FaultKind::LostRows if dice.chance(30) => {
            Fault::new(kind).at("appRoleAssignedTo").times(1).lose(1 + dice.below(3))
        }
        FaultKind::LostRows => {
            let counted = ["/members/", "/Accounts/Employees", "/Accounts/Clients", "/Contacts"];
            let at = dice.pick(&counted).copied().unwrap_or_default();
            Fault::new(kind).at(at).times(times).lose(1 + dice.below(3))
        }
        FaultKind::Nulls => {
            let at = dice.weighed(&[(2, "users/delta"), (1, "/members"), (1, "GET /v1.0/users")]);
            Fault::new(kind).at(at).times(times)
        }
        FaultKind::Normalised => fault.at("/sf/v3/Users"),
        FaultKind::DuplicateAddress | FaultKind::NoLicence => fault,
        _ => aimed(dice, fault),
    }
}

/// Draws what goes wrong. A change feed that loses rows cannot be told from one that has less to
/// say, nor a change that was ignored from one that was made, so that none does here. Damaged answers have a test of their own: what a damaged answer claims
/// may well be believed, and no truth could be told then.
fn kind(dice: &mut Dice) -> FaultKind {
    dice.weighed(&[
        (4, FaultKind::TooManyRequests),
        (3, FaultKind::Unavailable),
        (4, FaultKind::DropBefore),
        (5, FaultKind::DropAfter),
        (2, FaultKind::StallBefore),
        (3, FaultKind::StallAfter),
        (2, FaultKind::Unauthorized),
        (2, FaultKind::Html),
        (2, FaultKind::ExpiredToken),
        (2, FaultKind::ExpiredDelta),
        (4, FaultKind::CutList),
        (2, FaultKind::NullPeople),
        (1, FaultKind::Slow),
        (2, FaultKind::CutBody),
        (1, FaultKind::Trickle),
        (1, FaultKind::EmptyPage),
        (1, FaultKind::RepeatedPage),
        (1, FaultKind::ReorderedPage),
        (2, FaultKind::LostRows),
        (2, FaultKind::Nulls),
        (1, FaultKind::Normalised),
        (1, FaultKind::DuplicateAddress),
        (1, FaultKind::NoLicence),
    ])
}

/// Aims a fault at writes, at one end, or at nothing in particular.
fn aimed(dice: &mut Dice, fault: Fault) -> Fault {
    match dice.below(9) {
        0 => fault.on("PATCH"),
        7 => fault.at("/sf/v3/Groups"),
        8 => fault.on("DELETE"),
        1 => fault.on("POST").at("/sf/v3/"),
        2 => fault.on("GET").at("/sf/v3/"),
        3 => fault.at("/v1.0/"),
        4 => fault.at("oauth"),
        5 => fault.at("/sf/v3/Users"),
        _ => fault,
    }
}

/// Returns the fault that holds the cycle at one of its requests, mostly at a write, so that it can
/// be killed there.
pub fn stall(dice: &mut Dice) -> Fault {
    let kind = dice.weighed(&[(1, FaultKind::StallBefore), (1, FaultKind::StallAfter)]);
    if dice.chance(25) {
        let after = u32::try_from(dice.below(12)).expect("small");
        return Fault::new(kind).after(after).times(1);
    }
    let after = u32::try_from(dice.below(3)).expect("small");
    if dice.chance(40) {
        let method = dice.weighed(&[(3, "POST"), (1, "PATCH"), (2, "DELETE")]);
        return Fault::new(kind).on(method).at("/sf/v3/Groups").after(after / 2).times(1);
    }
    let method = dice.weighed(&[(1, "POST"), (1, "PATCH")]);
    Fault::new(kind).on(method).at("/sf/v3/Users").after(after).times(1)
}

/// Returns a fault in a few words.
pub fn words(fault: &Fault) -> String {
    let mut words = format!("{:?}", fault.kind);
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            words.push_str(&format!(" {name} {value}"));
        }
    };
    add("on", fault.method.clone());
    add("at", fault.endpoint.clone());
    add("after", Some(fault.after.to_string()).filter(|_| fault.after > 0));
    add("times", fault.times.map(|times| times.to_string()));
    add("retry-after", fault.retry_after.clone());
    add("keep", fault.keep.map(|keep| keep.to_string()));
    add("lose", fault.lose.map(|lose| lose.to_string()));
    add("seed", Some(fault.seed.to_string()).filter(|_| fault.seed > 0));
    add("status", fault.status.map(|status| status.to_string()));
    words
}
