//! What happens to a company between two cycles: the same few things, whatever its size is.

use anyhow::Result;
use serde_json::json;

use crate::world::World;

/// Of these, some change.
const OWN: u32 = 40;

/// People renamed, disabled, moved from one group to another, and new.
pub const RENAMED: u32 = 20;
pub const DISABLED: u32 = 5;
pub const MOVED: u32 = 5;
pub const NEW: u32 = 5;

/// A large group of every company.
const LARGE: &str = "ShareFile%20Sales";

fn mail(number: u32) -> String {
    format!("own{number}@contoso.com")
}

/// Adds people and groups that later changes are about.
pub fn prepare(world: &World<'_>) -> Result<()> {
    for number in 0..OWN {
        join(world, number, None)?;
    }
    for (name, half) in [("Own%20one", 0), ("Own%20two", 1)] {
        let members: Vec<String> = (0..OWN).filter(|n| n % 2 == half).map(mail).collect();
        let name = name.replace("%20", " ");
        let group = json!({
            "displayName": name, "mailNickname": name.replace(' ', ""), "mailEnabled": false,
            "securityEnabled": true, "role": "User", "members": members,
        });
        world.change("POST", "/groups", &group)?;
    }
    Ok(())
}

/// Changes as many people and groups as the constants say.
pub fn make(world: &World<'_>) -> Result<()> {
    for number in 0..RENAMED {
        let path = format!("/people/{}", mail(number));
        world.change("PATCH", &path, &json!({ "surname": "Renamed" }))?;
    }
    for number in RENAMED..RENAMED + DISABLED {
        let path = format!("/people/{}", mail(number));
        world.change("PATCH", &path, &json!({ "accountEnabled": false }))?;
    }
    // They leave the first group, and come into a large one as well as into the second.
    let moved = (RENAMED + DISABLED..OWN).filter(|n| n % 2 == 0).map(mail);
    let moved: Vec<String> = moved.take(MOVED as usize).collect();
    world.change("POST", "/groups/Own%20one/members", &json!({ "remove": moved }))?;
    world.change("POST", "/groups/Own%20two/members", &json!({ "add": moved }))?;
    world.change("POST", &format!("/groups/{LARGE}/members"), &json!({ "add": moved }))?;
    for number in OWN..OWN + NEW {
        join(world, number, Some("ShareFile Sales"))?;
    }
    world.change("PATCH", "/groups/Own%20two", &json!({ "displayName": "Own second" }))?;
    Ok(())
}

fn join(world: &World<'_>, number: u32, group: Option<&str>) -> Result<()> {
    let mail = mail(number);
    let person = json!({
        "userPrincipalName": mail, "mail": mail, "displayName": format!("Own {number}"),
        "givenName": "Own", "surname": format!("Number{number}"), "companyName": "Contoso",
        "userType": "Member", "accountEnabled": true,
        "groups": group.into_iter().collect::<Vec<_>>(),
    });
    world.change("POST", "/people", &person)?;
    Ok(())
}
