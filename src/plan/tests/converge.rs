//! What holds of every plan: done as it says, nothing is left to do.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Applying a plan leaves an empty plan, the order of the input does not matter, and the
    /// guard's limits hold.
    #[test]
    fn plans_converge(people in proptest::collection::vec((0u8..6, any::<bool>(), 0u8..4), 1..40)) {
        let mut world = World::new();
        for (n, (kind, linked, name)) in people.iter().enumerate() {
            let n = n as u128 + 1;
            let mail = format!("p{n}@x.test");
            if *linked { world.link(n, &mail); }
            let user = world.person(n, &mail);
            let first = ["Ada", "Bo", "Cy", "Di"][usize::from(*name)];
            user.attributes = AttributeRow::pack([Some(first), Some(&mail), Some("Lovelace")]);
            match kind {
                0 => user.enabled = false,
                1 => user.presence = Presence::SoftDeleted,
                _ => {}
            }
            if *kind != 2 { world.assign(n, STAFF); }
        }
        let (plan, _) = world.plan();
        let mut turned = world.clone();
        turned.users.reverse();
        turned.accounts.reverse();
        turned.links.reverse();
        prop_assert_eq!(&turned.plan().0.changes, &plan.changes);
        let active = world.links.len();
        let removals = plan.changes.iter().filter(|c| c.action == ProvisioningAction::Disable).count();
        prop_assert!(removals <= 5 || removals * 100 <= active * 10);
        prop_assert!(removals < active || removals == 0);
        apply(&mut world, &plan);
        let (again, _) = world.plan();
        // What the guard held may pass once the others are in step.
        let waited = plan.holds.iter().any(|hold| hold.kind.approvable());
        prop_assert!(waited || again.changes.is_empty(), "{:?}", again.changes);
    }
}

/// Does at the target, and to the links, what a plan says.
pub(super) fn apply(world: &mut World, plan: &Plan) {
    for change in &plan.changes {
        let LinkAfter::Keep { origin, state, sent, leaving, .. } = &change.link else {
            if let Write::Delete { target_id, .. } = &change.write {
                world.accounts.retain(|account| account.id != *target_id);
            }
            world.links.retain(|link| link.anchor != change.anchor);
            continue;
        };
        let id = change
            .target_id
            .clone()
            .unwrap_or_else(|| TargetId::new(format!("new-{}", change.anchor)));
        if let Write::Create { kind, .. } = change.write {
            let address = sent.get(0).unwrap_or("").to_owned();
            world.account(id.as_str(), &address, kind);
        }
        let mut now = (AccountKind::Employee, false);
        if let Some(account) = world.accounts.iter_mut().find(|account| account.id == id) {
            account.values = sent.clone();
            match &change.write {
                Write::Disable { .. } => account.disabled = true,
                Write::Update { enable: true, .. } => account.disabled = false,
                Write::Downgrade { .. } => account.kind = AccountKind::Client,
                _ => {}
            }
            now = (account.kind, account.disabled);
        }
        world.links.retain(|link| link.anchor != change.anchor);
        world.links.push(Link {
            anchor: change.anchor,
            target_id: id,
            origin: origin.clone(),
            state: *state,
            linked_at: Timestamp(0),
            state_since: Timestamp(0),
            shadow: Shadow {
                sent: sent.clone(),
                read_back: sent.clone(),
                kind: now.0,
                disabled: now.1,
            },
            leaving: leaving.clone(),
        });
    }
}
