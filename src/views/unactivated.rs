//! Who never signed in although the link of the welcome mail has run out.

use crate::model::account::Unactivated;

use super::{counted, table, trimmed};

/// Returns the people as a table, in the order given. `days` is how long a link works; where
/// everybody signs in through single sign-on, nobody needs one.
pub fn text(people: &[Unactivated], days: i64, single_sign_on: bool, width: Option<u16>) -> String {
    if people.is_empty() {
        return format!(
            "Everybody has signed in, or has a link that is less than {days} days old.\n"
        );
    }
    let mut rows = table(["WHO", "NAME", "TYPE", "CREATED", "MAILED AGAIN"], width);
    for person in people {
        rows.add_row([
            person.address.clone(),
            person.name.clone(),
            person.kind.word().to_owned(),
            person.created_at.to_string(),
            person.mailed_at.map_or_else(|| "-".to_owned(), |at| at.to_string()),
        ]);
    }
    let mut text = trimmed(&rows);
    let never = counted(people.len() as u64, "person has", "people have");
    text.push_str(&format!(
        "\n{never} never signed in, and a link works for {days} days.\n\
         To send the mail again: sharefile-provisioner welcome WHO\n"
    ));
    if single_sign_on {
        text.push_str(
            "Everybody signs in through single sign-on here: nobody needs the link, and whoever \
             has signed in once is not listed.\n",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::account::AccountKind;
    use crate::model::ids::{SourceAnchor, TargetId, Timestamp};

    fn person(name: &str, mailed_at: Option<Timestamp>) -> Unactivated {
        Unactivated {
            anchor: SourceAnchor(uuid::Uuid::nil()),
            target_id: TargetId::new("1f2e"),
            address: format!("{}@contoso.example", name.to_lowercase()),
            name: format!("{name} Tester"),
            kind: AccountKind::Employee,
            created_at: Timestamp(1_790_000_000_000),
            mailed_at,
        }
    }

    #[test]
    fn tells_who_waits_and_what_to_do() {
        let people = [person("Ada", None), person("Bob", Some(Timestamp(1_793_000_000_000)))];
        insta::assert_snapshot!(text(&people, 30, true, None), @"
        WHO                  NAME        TYPE      CREATED               MAILED AGAIN
        ada@contoso.example  Ada Tester  employee  2026-09-21T14:13:20Z  -
        bob@contoso.example  Bob Tester  employee  2026-09-21T14:13:20Z  2026-10-26T07:33:20Z

        2 people have never signed in, and a link works for 30 days.
        To send the mail again: sharefile-provisioner welcome WHO
        Everybody signs in through single sign-on here: nobody needs the link, and whoever has signed in once is not listed.
        ");
        insta::assert_snapshot!(text(&[], 30, true, None), @"Everybody has signed in, or has a link that is less than 30 days old.");
    }
}
