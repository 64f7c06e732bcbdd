//! Which account belongs to whom, and when nobody but a person can tell.

use super::*;

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
