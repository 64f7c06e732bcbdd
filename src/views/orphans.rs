//! Accounts and groups without anybody behind them.

use crate::model::orphan::{OrphanAccount, OrphanGroup, OrphanReason, Orphans};

use super::{counted, table, trimmed};

/// Returns what was found as two tables, and what it was compared with.
pub fn text(orphans: &Orphans, width: Option<u16>) -> String {
    if orphans.domains.is_empty() {
        return "No domain of the company is known yet: run `sharefile-provisioner sync` first, or \
                name one with --domain.\n"
            .to_owned();
    }
    let mut text = String::new();
    if !orphans.accounts.is_empty() {
        let mut rows = table(["ACCOUNT", "NAME", "WHY", "PROTECTED", "ID"], width);
        for account in &orphans.accounts {
            rows.add_row([
                account.address.clone(),
                account.name.clone(),
                why_account(account),
                account.protected.unwrap_or("-").to_owned(),
                account.target_id.to_string(),
            ]);
        }
        text.push_str(&trimmed(&rows));
        text.push('\n');
    }
    if !orphans.groups.is_empty() {
        let mut rows = table(["GROUP", "MEMBERS", "OWNER", "WHY", "ID"], width);
        for group in &orphans.groups {
            rows.add_row([
                group.name.clone(),
                group.members.map_or_else(|| "?".to_owned(), |members| members.to_string()),
                if group.own { "service user" } else { "somebody else" }.to_owned(),
                why_group(group).to_owned(),
                group.target_id.to_string(),
            ]);
        }
        text.push_str(&trimmed(&rows));
        text.push('\n');
    }
    text.push_str(&format!(
        "{} of {} in use in {}, and {} of {}, with nobody behind them in Entra ID.\n",
        orphans.accounts.len(),
        counted(orphans.employees, "employee", "employees"),
        orphans.domains.join(", "),
        orphans.groups.len(),
        counted(orphans.groups_seen, "group", "groups"),
    ));
    text
}

fn why_account(account: &OrphanAccount) -> String {
    let event = account.event.map(|event| format!(": {}", event.word())).unwrap_or_default();
    match account.why {
        OrphanReason::Unlinked => "nobody who is assigned has the address".to_owned(),
        OrphanReason::Gone => "the person is gone".to_owned(),
        OrphanReason::OutOfScope => format!("the person is out of scope{event}"),
    }
}

fn why_group(group: &OrphanGroup) -> &'static str {
    match group.why {
        OrphanReason::Unlinked => "no group is linked to it",
        OrphanReason::Gone | OrphanReason::OutOfScope => {
            "the group is gone, or not assigned any more"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::TargetId;
    use crate::model::leaving::LeaveEvent;

    #[test]
    fn tells_what_nobody_is_behind() {
        let account = |name: &str, why, protected| OrphanAccount {
            target_id: TargetId::new(format!("id-of-{name}")),
            address: format!("{name}@contoso.example"),
            name: format!("{name} Tester"),
            why,
            event: (why == OrphanReason::OutOfScope).then_some(LeaveEvent::Disabled),
            anchor: None,
            protected,
        };
        let group = |name: &str, why, own, members| OrphanGroup {
            target_id: TargetId::new(format!("g-{name}")),
            name: name.to_owned(),
            why,
            anchor: None,
            own,
            members,
        };
        let orphans = Orphans {
            domains: vec!["contoso.example".to_owned()],
            employees: 1_200,
            accounts: vec![
                account("ada", OrphanReason::Unlinked, None),
                account("bob", OrphanReason::Gone, Some("it is the billing contact")),
                account("cyd", OrphanReason::OutOfScope, None),
            ],
            groups_seen: 1,
            groups: vec![group("Sales", OrphanReason::Unlinked, true, Some(7))],
        };
        insta::assert_snapshot!(text(&orphans, None), @"
        ACCOUNT              NAME        WHY                                     PROTECTED                  ID
        ada@contoso.example  ada Tester  nobody who is assigned has the address  -                          id-of-ada
        bob@contoso.example  bob Tester  the person is gone                      it is the billing contact  id-of-bob
        cyd@contoso.example  cyd Tester  the person is out of scope: disabled    -                          id-of-cyd

        GROUP  MEMBERS  OWNER         WHY                       ID
        Sales  7        service user  no group is linked to it  g-Sales

        3 of 1200 employees in use in contoso.example, and 1 of 1 group, with nobody behind them in Entra ID.
        ");
        let none = Orphans { domains: orphans.domains, ..Orphans::default() };
        insta::assert_snapshot!(text(&none, None), @"0 of 0 employees in use in contoso.example, and 0 of 0 groups, with nobody behind them in Entra ID.");
        insta::assert_snapshot!(text(&Orphans::default(), None), @"No domain of the company is known yet: run `sharefile-provisioner sync` first, or name one with --domain.");
    }
}
