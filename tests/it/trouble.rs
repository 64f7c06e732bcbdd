//! The fault table: what the client does for every fault at every kind of request.
//!
//! Each fault has a table of what comes of it, once and without an end: whether the cycle gets
//! through, stops as a whole (with the exit code of a command), or leaves one object for later; and
//! how often the request was made. After each a clean cycle converges: nobody was removed who had
//! not left, nothing was written twice, nobody got mail.

mod stage;
mod wire;

use futures_util::StreamExt;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};

use stage::{ASKS, Scene, Stage, Wrong};
use wire::Trouble;

/// Plays every kind of request with something wrong, and returns the table of what came of it.
async fn table(wrong: Wrong) -> String {
    let mut stage = Stage::set(&Scene::ALL, "").await;
    let mut table = String::from("\n");
    let sandbox = matches!(wrong, Wrong::Sandbox(_));
    for (often, times) in [("once", Some(1)), ("always", None)] {
        if matches!(wrong, Wrong::Refused) && times.is_some() {
            continue;
        }
        let mut rows: Vec<(String, Vec<&str>)> = Vec::new();
        for ask in ASKS.iter().filter(|ask| sandbox || !ask.inner) {
            let Some(came) = stage.suffer(ask, &wrong, times).await else { continue };
            add(&mut rows, came, ask.name);
        }
        tell(&mut table, often, rows);
    }
    table
}

fn add<'a>(rows: &mut Vec<(String, Vec<&'a str>)>, came: String, name: &'a str) {
    match rows.iter_mut().find(|(known, _)| *known == came) {
        Some((_, asks)) => asks.push(name),
        None => rows.push((came, vec![name])),
    }
}

/// Writes down what came of some requests, those together of which the same came.
fn tell(table: &mut String, often: &str, rows: Vec<(String, Vec<&str>)>) {
    for (came, asks) in rows {
        table.push_str(&format!("{often}: {came}\n"));
        let mut line = String::from("   ");
        for name in asks {
            if line.len() + name.len() > 90 {
                table.push_str(&format!("{line}\n"));
                line = String::from("   ");
            }
            line.push_str(&format!(" {name},"));
        }
        table.push_str(&format!("{}\n", line.trim_end_matches(',')));
    }
}

async fn expect(wrong: Wrong, expected: &str) {
    let table = table(wrong.clone()).await;
    assert!(table.trim() == expected.trim(), "{wrong:?}:\n{table}");
}

/// How silence is met: the client gives up after two seconds, as its configuration says. Each
/// request gets a stage of its own, several at once, as most of the time is spent waiting.
async fn silence(trouble: Trouble, expected: &str) {
    let wrong = Wrong::Wire(trouble);
    let suffered = ASKS.iter().filter(|ask| !ask.inner).map(|ask| {
        let wrong = wrong.clone();
        async move {
            let mut stage = Stage::set(&[ask.scene], "[network]\ntimeout = \"2s\"\n").await;
            let once = stage.suffer(ask, &wrong, Some(1)).await;
            let endless = ENDLESS_SILENCE.contains(&ask.name);
            let always = if endless { stage.suffer(ask, &wrong, None).await } else { None };
            (ask.name, once, always)
        }
    });
    let mut suffered = futures_util::stream::iter(suffered).buffered(10);
    let (mut once, mut always) = (Vec::new(), Vec::new());
    while let Some((name, came, came_always)) = suffered.next().await {
        came.into_iter().for_each(|came| add(&mut once, came, name));
        came_always.into_iter().for_each(|came| add(&mut always, came, name));
    }
    let mut table = String::new();
    tell(&mut table, "once", once);
    tell(&mut table, "always", always);
    assert!(table.trim() == expected.trim(), "{trouble:?}:\n{table}");
}

/// What is asked again and again although nobody ever answers: one of each sort is enough.
const ENDLESS_SILENCE: [&str; 4] =
    ["assignments", "list of employees", "account by address", "create employee"];

#[tokio::test]
async fn silence_before_delivery() {
    silence(Trouble::SilenceBefore, SILENCE_BEFORE).await;
}

#[tokio::test]
async fn silence_after_delivery() {
    silence(Trouble::SilenceAfter, SILENCE_AFTER).await;
}

/// One test for each row, and the list of all of them.
macro_rules! rows {
    ($($test:ident: $wrong:expr => $expected:expr;)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                expect($wrong, $expected).await;
            }
        )*

        fn rows() -> Vec<Wrong> {
            vec![$($wrong),*]
        }
    };
}

fn on_the_wire(trouble: Trouble) -> Wrong {
    Wrong::Wire(trouble)
}

fn service(kind: FaultKind) -> Wrong {
    Wrong::Sandbox(Box::new(Fault::new(kind)))
}

fn service_says(kind: FaultKind, retry_after: &str) -> Wrong {
    Wrong::Sandbox(Box::new(Fault::new(kind).retry_after(retry_after)))
}

rows! {
    refused: Wrong::Refused => REFUSED;
    reset_before_delivery: on_the_wire(Trouble::ResetBefore) => LOST_BEFORE;
    reset_after_delivery: on_the_wire(Trouble::ResetAfter) => LOST_AFTER;
    cut_in_the_middle: on_the_wire(Trouble::Cut) => LOST_AFTER;
    one_byte_at_a_time: on_the_wire(Trouble::Drip) => NO_MATTER;
    dropped_before: service(FaultKind::DropBefore) => LOST_BEFORE;
    dropped_after: service(FaultKind::DropAfter) => LOST_AFTER;
    stalled_before: service(FaultKind::StallBefore) => LOST_BEFORE;
    stalled_after: service(FaultKind::StallAfter) => LOST_AFTER;
    body_cut: service(FaultKind::CutBody) => LOST_AFTER;
    slow: Wrong::Sandbox(Box::new(Fault::new(FaultKind::Slow).delay_ms(20_000))) => NO_MATTER;
    trickling: Wrong::Sandbox(Box::new(Fault::new(FaultKind::Trickle).delay_ms(10))) => NO_MATTER;
    throttled: service_says(FaultKind::TooManyRequests, "2") => NOT_NOW;
    throttled_without_a_hint: service(FaultKind::TooManyRequests) => NOT_NOW;
    unavailable: service(FaultKind::Unavailable) => NOT_NOW;
    unavailable_for_a_while: service_says(FaultKind::Unavailable, "2") => NOT_NOW;
    unauthorized: service(FaultKind::Unauthorized) => UNAUTHORIZED;
    token_expired: service(FaultKind::ExpiredToken) => TOKEN_EXPIRED;
    web_page: service(FaultKind::Html) => WEB_PAGE;
    delta_expired: service(FaultKind::ExpiredDelta) => DELTA_EXPIRED;
    list_cut_short: service(FaultKind::CutList) => LIST_CUT_SHORT;
    empty_page: service(FaultKind::EmptyPage) => EMPTY_PAGE;
    repeated_page: service(FaultKind::RepeatedPage) => EMPTY_PAGE;
    reordered_page: service(FaultKind::ReorderedPage) => REORDERED_PAGE;
    lost_rows: service(FaultKind::LostRows) => LOST_ROWS;
    nulls: service(FaultKind::Nulls) => NULLS;
    people_without_values: service(FaultKind::NullPeople) => PEOPLE_WITHOUT_VALUES;
    address_taken: service(FaultKind::DuplicateAddress) => ADDRESS_TAKEN;
    no_licence: service(FaultKind::NoLicence) => NO_LICENCE;
}

// The tables.

const REFUSED: &str = "
always: the cycle stops (67), asked 0
    Entra token, application, assignments, users/delta, users/delta from now,
    $batch of newcomers, $batch of members, $batch of people, $batch of the missing,
    page of members
always: the cycle stops (68), asked 0
    ShareFile token, service user, account, preferences, Super User Group,
    list of employees, list of clients, account by id, account by address
always: one object fails (72), asked 0
    create employee, create client, update, disable, enable
";

const LOST_BEFORE: &str = "
once: done, asked 2
    Entra token, application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, $batch of newcomers, $batch of members, $batch of people,
    $batch of the missing, page of members, ShareFile token, service user, account,
    preferences, Super User Group, list of employees, list of clients, account by id,
    account by address, create employee, create client, update, disable, enable
always: the cycle stops (67), asked 5
    Entra token, application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, $batch of newcomers, $batch of members, $batch of people,
    $batch of the missing, page of members
always: the cycle stops (68), asked 5
    ShareFile token, service user, account, preferences, Super User Group,
    list of employees, list of clients
always: one object waits as NotReadable (70), asked 5
    account by id, account by address
always: one object fails (72), asked 4
    create employee, create client, update, disable, enable
";

const LOST_AFTER: &str = "
once: done, asked 2
    Entra token, application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, $batch of newcomers, $batch of members, $batch of people,
    $batch of the missing, page of members, ShareFile token, service user, account,
    preferences, Super User Group, list of employees, list of clients, account by id,
    account by address
once: done, asked 1
    create employee, create client, update, disable, enable
always: the cycle stops (67), asked 5
    Entra token, application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, $batch of newcomers, $batch of members, $batch of people,
    $batch of the missing, page of members
always: the cycle stops (68), asked 5
    ShareFile token, service user, account, preferences, Super User Group,
    list of employees, list of clients
always: one object waits as NotReadable (70), asked 5
    account by id, account by address
always: done, asked 1
    create employee, create client, update, disable, enable
";

const NO_MATTER: &str = "
once: done, asked 1
    Entra token, application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, $batch of newcomers, $batch of members, $batch of people,
    $batch of the missing, page of members, ShareFile token, service user, account,
    preferences, Super User Group, list of employees, list of clients, account by id,
    account by address, create employee, create client, update, disable, enable
always: done, asked 1
    Entra token, application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, $batch of newcomers, $batch of members, $batch of people,
    $batch of the missing, page of members, ShareFile token, service user, account,
    preferences, Super User Group, list of employees, list of clients, account by id,
    account by address, create employee, create client, update, disable, enable
";

const NOT_NOW: &str = "
once: done, asked 2
    Entra token, application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, $batch of newcomers, $batch of members, $batch of people,
    $batch of the missing, page of members, members in a $batch, people in a $batch,
    recycle bin in a $batch, ShareFile token, service user, account, preferences,
    Super User Group, list of employees, list of clients, account by id, account by address,
    create employee, create client, update, disable, enable
always: the cycle stops (67), asked 5
    Entra token, application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, $batch of newcomers, $batch of members, $batch of people,
    $batch of the missing, page of members
always: the cycle stops (67), asked 6
    members in a $batch, people in a $batch, recycle bin in a $batch
always: the cycle stops (68), asked 5
    ShareFile token, service user, account, preferences, Super User Group,
    list of employees, list of clients, account by id, account by address
always: one object fails (72), asked 5
    create employee, create client, update, disable, enable
";

const UNAUTHORIZED: &str = "
once: the cycle stops (66), asked 1
    Entra token, ShareFile token
once: done, asked 2
    application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, $batch of newcomers, $batch of members, $batch of people,
    $batch of the missing, page of members, members in a $batch, people in a $batch,
    recycle bin in a $batch, service user, account, preferences, Super User Group,
    list of employees, list of clients, account by id, account by address, create employee,
    create client, update, disable, enable
always: the cycle stops (66), asked 1
    Entra token, ShareFile token
always: the cycle stops (66), asked 2
    application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, $batch of newcomers, $batch of members, $batch of people,
    $batch of the missing, page of members, members in a $batch, people in a $batch,
    recycle bin in a $batch, service user, account, preferences, Super User Group,
    list of employees, list of clients, account by id, account by address, create employee,
    create client, update, disable, enable
";

const TOKEN_EXPIRED: &str = "
once: done, asked 2
    application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, $batch of newcomers, $batch of members, $batch of people,
    $batch of the missing, page of members, service user, account, preferences,
    Super User Group, list of employees, list of clients, account by id, account by address,
    create employee, create client, update, disable, enable
always: the cycle stops (66), asked 2
    application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, $batch of newcomers, $batch of members, $batch of people,
    $batch of the missing, page of members, service user, account, preferences,
    Super User Group, list of employees, list of clients, account by id, account by address,
    create employee, create client, update, disable, enable
";

const WEB_PAGE: &str = "
once: the cycle stops (67), asked 1
    Entra token, application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, $batch of newcomers, $batch of members, $batch of people,
    $batch of the missing, page of members
once: the cycle stops (68), asked 1
    ShareFile token, service user, account, preferences, Super User Group,
    list of employees, list of clients
once: one object waits as NotReadable (70), asked 1
    account by id, account by address
once: done, asked 2
    create employee, create client, update, disable, enable
always: the cycle stops (67), asked 1
    Entra token, application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, $batch of newcomers, $batch of members, $batch of people,
    $batch of the missing, page of members
always: the cycle stops (68), asked 1
    ShareFile token, service user, account, preferences, Super User Group,
    list of employees, list of clients
always: one object waits as NotReadable (70), asked 1
    account by id, account by address
always: one object fails (72), asked 4
    create employee, create client, update, disable, enable
";

const DELTA_EXPIRED: &str = "
once: done after reading everything anew, asked 1
    users/delta, groups/delta
always: done after reading everything anew, asked 1
    users/delta, groups/delta
";

const LIST_CUT_SHORT: &str = "
once: the cycle stops (67), asked 1
    application, users/delta, groups/delta
once: done, asked 2
    assignments, Super User Group, list of employees, list of clients
once: done, asked 1
    members in a $batch, people in a $batch
always: the cycle stops (67), asked 1
    application, users/delta, groups/delta, page of members
always: the cycle stops (67), asked 4
    assignments
always: done, asked 1
    members in a $batch, people in a $batch
always: the cycle stops (68), asked 2
    Super User Group, list of employees, list of clients
";

const EMPTY_PAGE: &str = "
once: done, asked 2
    application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, page of members, Super User Group, list of employees,
    list of clients
once: done, asked 1
    members in a $batch, people in a $batch
always: done, asked 2
    application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, page of members, Super User Group, list of employees,
    list of clients
always: done, asked 1
    members in a $batch, people in a $batch
";

const REORDERED_PAGE: &str = "
once: done, asked 1
    application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, page of members, members in a $batch, people in a $batch,
    Super User Group, list of employees, list of clients
always: done, asked 1
    application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, page of members, members in a $batch, people in a $batch,
    Super User Group, list of employees, list of clients
";

const LOST_ROWS: &str = "
once: the cycle stops (67), asked 1
    application, page of members
once: done, asked 2
    assignments, Super User Group, list of employees, list of clients
once: nothing is done (0), asked 1
    users/delta
once: done, asked 1
    groups/delta, users/delta from now, groups/delta from now, members in a $batch,
    people in a $batch
always: the cycle stops (67), asked 1
    application, page of members
always: done, asked 2
    assignments
always: nothing is done (0), asked 1
    users/delta
always: done, asked 1
    groups/delta, users/delta from now, groups/delta from now, members in a $batch,
    people in a $batch
always: the cycle stops (68), asked 2
    Super User Group, list of employees, list of clients
";

const NULLS: &str = "
once: the cycle stops (67), asked 1
    application, assignments
once: done, asked 1
    users/delta, groups/delta, users/delta from now, groups/delta from now,
    recycle bin in a $batch, preferences, Super User Group, list of employees,
    list of clients, create employee, create client, update, disable, enable
once: people stay unread (72), asked 1
    page of members, members in a $batch, people in a $batch
once: the cycle stops (66), asked 1
    service user
once: the cycle stops (68), asked 1
    account
once: one object waits as NotReadable (70), asked 1
    account by id
always: the cycle stops (67), asked 1
    application, assignments
always: done, asked 1
    users/delta, groups/delta, users/delta from now, groups/delta from now,
    recycle bin in a $batch, preferences, Super User Group, list of employees,
    list of clients, create employee, create client, update, disable, enable
always: people stay unread (72), asked 1
    page of members, members in a $batch, people in a $batch
always: the cycle stops (66), asked 1
    service user
always: the cycle stops (68), asked 1
    account
always: one object waits as NotReadable (70), asked 1
    account by id
";

const PEOPLE_WITHOUT_VALUES: &str = "
once: people stay unread (72), asked 1
    page of members, members in a $batch
always: people stay unread (72), asked 1
    page of members, members in a $batch
";

const ADDRESS_TAKEN: &str = "
once: done, asked 2
    create employee, create client
always: one object fails (72), asked 3
    create employee, create client
";

const NO_LICENCE: &str = "
once: one object fails (72), asked 1
    create employee, create client
always: one object fails (72), asked 1
    create employee, create client
";

const SILENCE_BEFORE: &str = "
once: done, asked 2
    Entra token, application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, $batch of newcomers, $batch of members, $batch of people,
    $batch of the missing, page of members, ShareFile token, service user, account,
    preferences, Super User Group, list of employees, list of clients, account by id,
    account by address, create employee, create client, update, disable, enable
always: the cycle stops (67), asked 5
    assignments
always: the cycle stops (68), asked 5
    list of employees
always: one object waits as NotReadable (70), asked 5
    account by address
always: one object fails (72), asked 4
    create employee
";

const SILENCE_AFTER: &str = "
once: done, asked 2
    Entra token, application, assignments, users/delta, groups/delta, users/delta from now,
    groups/delta from now, $batch of newcomers, $batch of members, $batch of people,
    $batch of the missing, page of members, ShareFile token, service user, account,
    preferences, Super User Group, list of employees, list of clients, account by id,
    account by address
once: done, asked 1
    create employee, create client, update, disable, enable
always: the cycle stops (67), asked 5
    assignments
always: the cycle stops (68), asked 5
    list of employees
always: one object waits as NotReadable (70), asked 5
    account by address
always: done, asked 1
    create employee
";

// End of the tables.

/// Faults that are told elsewhere, and where.
const ELSEWHERE: [(FaultKind, &str); 3] = [
    (FaultKind::Ignored, "the switch `ignored_members`: what was ignored is reported, once"),
    (FaultKind::Malformed, "damaged answers, ten thousand of them"),
    (FaultKind::Normalised, "the switch `normalise_names`, and the histories"),
];

#[test]
fn every_fault_has_a_row() {
    // Serde names all kinds when it refuses one.
    let refused = serde_json::from_str::<FaultKind>("\"no such kind\"").expect_err("no kind");
    let refused = refused.to_string();
    let (_, kinds) = refused.split_once("expected").expect("what was expected");
    let mut told: Vec<FaultKind> = ELSEWHERE.iter().map(|(kind, _)| *kind).collect();
    told.extend(rows().iter().filter_map(|wrong| match wrong {
        Wrong::Sandbox(fault) => Some(fault.kind),
        _ => None,
    }));
    for kind in kinds.split('`').skip(1).step_by(2) {
        let kind: FaultKind = serde_json::from_value(kind.into()).expect("a kind");
        assert!(told.contains(&kind), "say what the client does about {kind:?}");
    }
}
