//! Which account belongs to whom, and when nobody but a person can tell.

use super::*;
use crate::plan::rules::{Adopt, MatchPart};

fn rule(parts: &[(TargetAttribute, &str)], adopt: Adopt) -> MatchRule {
    let part = |(target, source): &(TargetAttribute, &str)| MatchPart {
        target: *target,
        source: map::Expression::parse(source).expect("an expression"),
    };
    MatchRule { parts: parts.iter().map(part).collect(), adopt, required: false }
}

const BY_NAME: [(TargetAttribute, &str); 2] =
    [(TargetAttribute::FirstName, "[givenName]"), (TargetAttribute::LastName, "[surname]")];

/// What was read to make a plan: whether lists, and how many accounts.
fn read(view: &TargetView) -> (bool, usize) {
    (view.complete, view.accounts().count())
}

#[test]
fn addresses_match_without_case_and_an_adoption_names_its_rule() {
    let mut world = World::new();
    world.assigned(1, "Ada@X.test");
    world.account("acc", "ada@x.TEST", AccountKind::Employee);
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("other", "Ada@X.test")]);
    assert_eq!(plan.changes[0].reasons, [Reason::Matched { rule: "Email = [mail]".to_owned() }]);
    world.complete = true;
    assert_eq!(world.plan().0.changes, plan.changes, "lists and look-ups come to the same");
}

/// What is held, and how it comes about.
type Case = (HoldKind, fn(&mut World));

#[test]
fn what_cannot_be_decided_is_held_with_its_reason() {
    let cases: Vec<Case> = vec![
        (HoldKind::Ambiguous, |w| {
            w.assigned(1, "ada@x.test");
            w.account("a1", "ada@x.test", AccountKind::Employee);
            w.account("a2", "ada@x.test", AccountKind::Employee);
        }),
        (HoldKind::TypeChange, |w| {
            w.person(1, "ada@x.test");
            w.assign(1, CLIENT);
            w.account("a1", "ada@x.test", AccountKind::Employee);
        }),
        (HoldKind::EmployeeDomain, |w| {
            w.person(1, "ada@x.test");
            w.assign(1, CLIENT);
            w.employee_domains = vec!["X.test".to_owned()];
        }),
        (HoldKind::Namesake, |w| {
            w.assigned(1, "ada@x.test");
            w.linked(2, "ADA@x.test");
            w.links[0].state = LinkState::Disabled;
            w.users.retain(|user| user.anchor == anchor(1));
            w.unassign(2);
            w.users.push(SourceUser { presence: Presence::Unread, ..w.users[0].clone() });
            w.users[1].anchor = anchor(2);
        }),
        (HoldKind::Namesake, |w| {
            w.assigned(1, "ada@x.test");
            w.account("a1", "ada@x.test", AccountKind::Employee);
            w.tombstones.push((TargetId::new("a1"), anchor(99)));
        }),
        (HoldKind::SharedAccount, |w| {
            w.assigned(1, "ada@x.test");
            w.linked(2, "ADA@x.test");
        }),
        (HoldKind::MissingValues, |w| {
            w.assigned(1, "ada@x.test");
            w.users[0].attributes = AttributeRow::pack([Some("Ada"), None, Some("L")]);
        }),
        (HoldKind::Protected, |w| {
            w.assigned(1, "ada@x.test");
            w.account("a1", "ada@x.test", AccountKind::Employee).roles =
                vec!["AdminBilling".to_owned()];
        }),
        (HoldKind::Protected, |w| {
            w.assigned(1, "Owner@x.test");
        }),
        (HoldKind::NotReadable, |w| {
            w.assigned(1, "ada@x.test");
            w.account("a1", "ada@x.test", AccountKind::Employee).detail = Detail::Reduced;
        }),
        (HoldKind::ConflictingRoles, |w| {
            w.assigned(1, "ada@x.test");
            w.assign(1, CLIENT);
            w.assign(1, OFFICE);
        }),
    ];
    for (number, (kind, arrange)) in cases.into_iter().enumerate() {
        let mut world = World::new();
        arrange(&mut world);
        let (plan, _) = world.plan();
        assert!(plan.changes.is_empty(), "{number}: {:?}", plan.changes);
        assert_eq!(plan.holds.first().map(|hold| hold.kind), Some(kind), "{number}");
    }
}

#[test]
fn names_match_together_and_the_lists_are_read_for_them_alone() {
    let mut world = World::new();
    world.rules.matching.push(rule(&BY_NAME, Adopt::Always));
    world.assigned(1, "ada@x.test");
    world.account("a1", "ada@x.test", AccountKind::Employee);
    let (plan, view) = world.plan();
    assert_eq!((actions(&plan), read(&view)), (vec![("other", "ada@x.test")], (false, 1)));

    // The address finds nobody, so that the next rule looks for the name.
    world.accounts[0].values = values("countess@x.test", "ADA", "lovelace");
    world.account("a2", "ada.other@x.test", AccountKind::Employee).values =
        values("ada.other@x.test", "Ada", "Byron");
    let (plan, view) = world.plan();
    assert_eq!(actions(&plan), [("update", "ada@x.test")]);
    let by_name = "FirstName = [givenName], LastName = [surname]".to_owned();
    assert_eq!(plan.changes[0].reasons[0], Reason::Matched { rule: by_name });
    assert_eq!(read(&view), (true, 2));
    world.complete = true;
    assert_eq!(world.plan().0.changes, plan.changes, "lists and look-ups come to the same");

    world.accounts[1].values = values("ada.other@x.test", "Ada", "Lovelace");
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(held(&plan), [(HoldKind::Ambiguous, 1)]);
    let detail = &plan.holds[0].items[0].detail;
    assert!(detail.contains("a1") && detail.contains("a2"), "{detail}");
}

#[test]
fn an_address_with_a_name_needs_no_lists_and_spares_a_namesake() {
    let mut world = World::new();
    let parts = [(TargetAttribute::Email, "[mail]"), (TargetAttribute::LastName, "[surname]")];
    world.rules.matching = vec![rule(&parts, Adopt::Always)];
    world.assigned(1, "a.lovelace@x.test");
    world.account("a1", "a.lovelace@x.test", AccountKind::Employee);
    let (plan, view) = world.plan();
    assert_eq!((actions(&plan), view.complete), (vec![("other", "a.lovelace@x.test")], false));
    world.accounts[0].values = values("a.lovelace@x.test", "Augustus", "Lovelace-King");
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(held(&plan), [(HoldKind::SharedAccount, 1)], "the address is somebody else's");
}

#[test]
fn a_required_rule_holds_whom_it_cannot_match() {
    let mut world = World::new();
    world.rules.matching = vec![
        rule(&BY_NAME, Adopt::Always),
        rule(&[(TargetAttribute::Email, "[mail]")], Adopt::Always),
    ];
    world.assigned(1, "ada@x.test");
    world.users[0].attributes = AttributeRow::pack([Some("Ada"), Some("ada@x.test"), None]);
    world.account("a1", "ada@x.test", AccountKind::Employee);
    assert_eq!(actions(&world.plan().0), [("other", "ada@x.test")], "the next rule finds it");
    world.rules.matching[0].required = true;
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(held(&plan), [(HoldKind::MissingValues, 1)]);
    let detail = "`FirstName = [givenName], LastName = [surname]` is required, and there is no \
                  value for [surname]";
    assert_eq!(plan.holds[0].items[0].detail, detail);
}

#[test]
fn adoption_may_ask_first_or_never_be() {
    let mut world = World::new();
    world.rules.matching = vec![rule(&[(TargetAttribute::Email, "[mail]")], Adopt::Report)];
    world.assigned(1, "ada@x.test");
    world.account("a1", "ada@x.test", AccountKind::Employee);
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(held(&plan), [(HoldKind::Adoption, 1)]);
    let item = &plan.holds[0].items[0];
    assert!(item.detail.starts_with("`Email = [mail]` matches "), "{}", item.detail);
    assert!(item.detail.contains("a1"), "{}", item.detail);
    world.approved = vec![item.hash];
    assert_eq!(actions(&world.plan().0), [("other", "ada@x.test")]);

    world.rules.matching = vec![rule(&[(TargetAttribute::Email, "[mail]")], Adopt::Never)];
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty());
    let detail = &plan.holds[0].items[0].detail;
    assert!(detail.starts_with("`Email = [mail]` takes over no account, but"), "{detail}");
    assert_eq!(held(&plan), [(HoldKind::SharedAccount, 1)]);
    // The name is somebody else's, and the address is free.
    world.rules.matching = vec![rule(&BY_NAME, Adopt::Never)];
    world.accounts[0].values = values("other@x.test", "Ada", "Lovelace");
    assert_eq!(actions(&world.plan().0), [("create", "ada@x.test")]);
}

#[test]
fn two_people_for_one_account_are_found_before_anything_is_written() {
    for (adopt, second) in
        [(Adopt::Always, "held"), (Adopt::Report, "held"), (Adopt::Always, "mute")]
    {
        let mut world = World::new();
        world.rules.matching = vec![rule(&BY_NAME, adopt)];
        world.assigned(1, "ada.one@x.test");
        world.assigned(2, "ada.two@x.test");
        world.account("a1", "somebody@x.test", AccountKind::Employee);
        if second == "mute" {
            // Held for another cause, and yet it is the account of one of them.
            world.rules.mappings[0].when_null = WhenNull::Clear;
            world.users[1].attributes = AttributeRow::pack([Some("Ada"), None, Some("Lovelace")]);
        }
        let (plan, _) = world.plan();
        assert!(plan.changes.is_empty(), "{adopt:?} {second}: {:?}", plan.changes);
        let shared = plan.holds.iter().find(|hold| hold.kind == HoldKind::SharedAccount);
        let detail = &shared.expect("a hold").items[0].detail;
        for who in [anchor(1), anchor(2)] {
            assert!(detail.contains(&who.to_string()), "{detail}");
        }
    }
}

#[test]
fn whoever_wants_the_account_of_a_leaver_keeps_nobody_inside() {
    let mut world = World::new();
    world.linked(1, "ada@x.test");
    world.linked(2, "bob@x.test");
    world.assigned(3, "ADA@x.test");
    world.unassign(1);
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("disable", "ada@x.test")]);
    assert_eq!(held(&plan), [(HoldKind::SharedAccount, 1)]);

    // And whoever has an account goes on being updated.
    world.assign(1, STAFF);
    world.links[0].shadow.sent = values("ada@x.test", "Ada", "Byron");
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("update", "ada@x.test")]);
    assert_eq!(held(&plan), [(HoldKind::SharedAccount, 1)]);
}

#[test]
fn by_name_nobody_gets_or_waits_for_the_account_of_a_colleague() {
    for adopt in [Adopt::Always, Adopt::Report, Adopt::Never] {
        let mut world = World::new();
        world.rules.matching.push(rule(&BY_NAME, adopt));
        world.linked(2, "colleague@x.test");
        world.assigned(1, "ada@x.test");
        let (plan, _) = world.plan();
        assert_eq!((actions(&plan), held(&plan)), (vec![("create", "ada@x.test")], vec![]));
    }
    // Of a colleague's account and one that is nobody's, the latter is meant.
    let mut world = World::new();
    world.rules.matching.push(rule(&BY_NAME, Adopt::Always));
    world.linked(2, "colleague@x.test");
    world.account("old", "old@other.test", AccountKind::Employee);
    world.assigned(1, "ada@x.test");
    let (plan, _) = world.plan();
    assert_eq!(plan.changes[0].target_id, Some(TargetId::new("old")), "{:?}", held(&plan));
    // A leaver's may be the person's own: that is for somebody to say.
    let mut world = World::new();
    world.rules.matching.push(rule(&BY_NAME, Adopt::Always));
    world.linked(2, "leaver@x.test");
    (world.users[0].enabled, world.accounts[0].disabled) = (false, true);
    world.links[0].state = LinkState::Disabled;
    world.assigned(1, "ada@x.test");
    assert_eq!(held(&world.plan().0), [(HoldKind::Namesake, 1)]);
    // So may that of somebody who leaves right now, under whatever id the person comes back.
    let goes: [fn(&mut World); 3] = [
        |world| world.unassign(2),
        |world| world.users[0].enabled = false,
        |world| world.users[0].presence = Presence::HardDeleted,
    ];
    for go in goes {
        let mut world = World::new();
        world.rules.matching.push(rule(&BY_NAME, Adopt::Always));
        world.linked(2, "leaver@x.test");
        world.linked(3, "other@x.test");
        world.links[1].shadow.sent = values("other@x.test", "Cy", "Other");
        world.users[1].attributes =
            AttributeRow::pack([Some("Cy"), Some("other@x.test"), Some("Other")]);
        world.accounts[1].values = values("other@x.test", "Cy", "Other");
        world.assigned(1, "ada@x.test");
        go(&mut world);
        let (plan, _) = world.plan();
        assert_eq!(actions(&plan), [("disable", "leaver@x.test")]);
        assert_eq!(held(&plan), [(HoldKind::SharedAccount, 1)]);
    }
    // By address an account is one person's, whoever that is.
    let mut world = World::new();
    world.linked(2, "ada@x.test");
    world.assigned(1, "ADA@x.test");
    assert_eq!(held(&world.plan().0), [(HoldKind::SharedAccount, 1)]);
}
