//! Licences: employees beyond them wait, the same ones in every plan.

use crate::model::account::AccountKind;
use crate::model::plan::{HeldItem, HoldKind, PlannedChange, Write};

use super::Draft;
use super::addresses::link_of;
use super::change::without_promotion;
use super::input::PlanInput;

/// So many of those who hold a licence without using it are named.
const NAMED: usize = 5;

impl Draft {
    /// Holds creates and promotions beyond the licences that are left. What else a change does goes
    /// on, if its account is linked already.
    pub(super) fn limit_by_licences(&mut self, input: &PlanInput<'_>) {
        let wanted = self.changes.iter().filter(|change| takes_seat(change)).count();
        if wanted == 0 {
            return;
        }
        let Some(tenant) = input.target.tenant.as_ref().filter(|_| input.target.seats_fresh) else {
            self.needs.seats = true;
            return;
        };
        let seats = tenant.seats;
        let Some(max) = seats.employee_max else {
            return;
        };
        let left = max.saturating_sub(seats.employee_count);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        if wanted <= left {
            return;
        }
        let Some(idle) = idle_employees(input) else {
            self.needs.idle_employees = true;
            return;
        };
        let changes = std::mem::take(&mut self.changes);
        let (mut takers, others): (Vec<_>, Vec<_>) = changes.into_iter().partition(takes_seat);
        takers.sort_by_key(|change| change.anchor);
        let excess = takers.split_off(left.min(takers.len()));
        let missing = excess.len();
        self.changes = others;
        self.changes.extend(takers);
        for change in excess {
            let link = link_of(input, &change);
            let mut without = link.and_then(|link| without_promotion(&change, link));
            without.iter_mut().for_each(|change| change.unfinished = true);
            self.changes.extend(without);
            let item = HeldItem {
                anchor: change.anchor,
                label: change.label.clone(),
                detail: String::new(),
                hash: change.hash,
                change: None,
            };
            self.hold(HoldKind::LicenseLimitExceeded, item);
        }
        if let Some(hold) = self.holds.get_mut(&HoldKind::LicenseLimitExceeded) {
            hold.message = format!(
                "{missing} employee {}: the plan allows {max}, {} are taken. {}",
                if missing == 1 { "licence is missing" } else { "licences are missing" },
                seats.employee_count,
                sentence(&idle)
            );
        }
    }
}

/// Returns whether a change makes an employee.
fn takes_seat(change: &PlannedChange) -> bool {
    matches!(
        change.write,
        Write::Create { kind: AccountKind::Employee, .. } | Write::Update { promote: true, .. }
    )
}

/// Returns the addresses of disabled employees, sorted: those that this job disabled, and where the
/// lists were read, all others too. `None` if nobody asked the store yet.
fn idle_employees(input: &PlanInput<'_>) -> Option<Vec<String>> {
    let view = input.target;
    let listed = view.accounts().map(|known| &known.account);
    let listed = listed.filter(|one| one.disabled && one.kind == AccountKind::Employee);
    let mut idle: Vec<String> = listed.map(|one| one.address().to_owned()).collect();
    for (target_id, address) in view.idle_employees.as_ref()? {
        // What was read in this cycle is newer than what the store remembers.
        if view.by_id(target_id).is_none() && !view.is_gone(target_id) {
            idle.push(address.clone());
        }
    }
    idle.sort();
    idle.dedup();
    Some(idle)
}

fn sentence(idle: &[String]) -> String {
    let named = idle.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match (idle.len(), idle.len().saturating_sub(NAMED)) {
        (0, _) => "Buy some, or take the role of an employee away from others.".to_owned(),
        (1, _) => format!("One is held by an employee who is disabled: {named}."),
        (count, 0) => format!("{count} are held by employees who are disabled: {named}."),
        (count, more) => {
            format!("{count} are held by employees who are disabled: {named}, and {more} more.")
        }
    }
}
