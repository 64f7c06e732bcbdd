//! Calls that send mail or concern addresses and passwords (ShareFile API reference, section 3.5).

use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::book::address_key;
use super::call::{Call, Refusal};
use super::feed::Answer;
use super::record::Mail;
use super::rights;
use super::tenant::Tenant;
use super::users;

fn mail(
    call: &Call<'_>,
    to: &str,
    occasion: &str,
    account_id: Uuid,
    message: Option<String>,
) -> Mail {
    let (to, occasion, account_id) = (to.to_owned(), occasion.to_owned(), account_id.to_string());
    Mail { at: call.now, to, occasion, account_id, message }
}

/// `POST /Users(id)/ResetPassword`: administrators need no old password.
pub(super) fn reset_password(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let notify = call.flag("notify")?;
    let account = tenant.living(call.id(0)).ok_or_else(Refusal::not_found)?;
    rights::require_self_or_manager(tenant, call, account)?;
    let (id, body) = (account.id, call.body()?);
    let new = body.text("newpassword")?.unwrap_or_default().to_owned();
    users::required("NewPassword", &new)?;
    if !rights::may_manage(tenant, call, account.kind) {
        let old = body.text("oldpassword")?.unwrap_or_default();
        let known = account.more().password.as_ref().map(ExposeSecret::expose_secret);
        if known.is_some_and(|known| known != old) {
            return Err(Refusal::forbidden("The old password is wrong."));
        }
    }
    users::check_password(tenant, &new)?;
    let to = account.email.to_string();
    if let Some(account) = tenant.book.get_mut(id) {
        let more = account.more_mut();
        more.password = Some(SecretString::from(new));
        more.failed_logins = 0;
    }
    if notify {
        let mail = mail(call, &to, "password_reset", id, None);
        tenant.send(mail);
    }
    users::shown_by_id(tenant, call, id)
}

/// `POST /Users/ForgotPassword`: nobody need sign in, and nobody learns who exists.
pub(super) fn forgot_password(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let address = call.given("email").unwrap_or_default();
    users::required("email", address)?;
    let holder = tenant.book.holder_of(address).filter(|holder| !holder.disabled);
    if let Some((id, to)) = holder.map(|holder| (holder.id, holder.email.to_string())) {
        let mail = mail(call, &to, "forgotten_password", id, None);
        tenant.send(mail);
    }
    Ok(Answer::Done)
}

/// `POST /Users(id)/ResendWelcome`.
pub(super) fn resend_welcome(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    if !tenant.switches.resend_welcome {
        return Err(Refusal::not_found());
    }
    let message = call.given("custommessage").map(str::to_owned);
    let copy = call.flag("notifysender")?;
    welcome(tenant, call, message, copy)
}

/// `POST /Users(id)/WelcomeNotification`, its successor.
pub(super) fn welcome_notification(
    tenant: &mut Tenant,
    call: &Call<'_>,
) -> Result<Answer, Refusal> {
    let body = call.body_if_any()?;
    let message = body.text("custommessage")?.map(str::to_owned);
    let copy = body.boolean("notifysender")?.unwrap_or(false);
    welcome(tenant, call, message, copy)
}

fn welcome(
    tenant: &mut Tenant,
    call: &Call<'_>,
    message: Option<String>,
    copy: bool,
) -> Result<Answer, Refusal> {
    let account = tenant.living(call.id(0)).ok_or_else(Refusal::not_found)?;
    rights::require_manager(tenant, call, account.kind)?;
    let (id, to) = (account.id, account.email.to_string());
    let sender = rights::caller(tenant, call)?.email.to_string();
    let first = mail(call, &to, "welcome", id, message.clone());
    tenant.send(first);
    if copy {
        let second = mail(call, &sender, "welcome_copy", id, message);
        tenant.send(second);
    }
    users::shown_by_id(tenant, call, id)
}

/// Returns an address of the caller that a call is about.
fn own_address(tenant: &Tenant, call: &Call<'_>) -> Result<String, Refusal> {
    rights::require_own_settings(tenant, call)?;
    let wanted = call.given("email").unwrap_or_default();
    users::required("email", wanted)?;
    let key = address_key(wanted);
    let caller = rights::caller(tenant, call)?;
    let own = caller.addresses().find(|address| address_key(address) == key);
    own.map(str::to_owned).ok_or_else(Refusal::not_found)
}

/// `POST /Users/MakePrimary`: moves the caller's primary address.
pub(super) fn make_primary(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let address = own_address(tenant, call)?;
    let caller = rights::caller(tenant, call)?;
    let others: Vec<String> = caller.addresses().map(str::to_owned).collect();
    tenant.book.set_addresses(call.caller_id, &address, others);
    users::shown_by_id(tenant, call, call.caller_id)
}

/// `POST /Users/DeleteEmailAddress`: takes a secondary address of the caller away.
pub(super) fn delete_address(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let address = own_address(tenant, call)?;
    let caller = rights::caller(tenant, call)?;
    if *caller.email == *address {
        return Err(Refusal::bad_request("The primary address cannot be deleted."));
    }
    let primary = caller.email.to_string();
    let mut others = caller.more().other_addresses.clone();
    others.retain(|other| *other != address);
    tenant.book.set_addresses(call.caller_id, &primary, others);
    users::shown_by_id(tenant, call, call.caller_id)
}

/// `POST /Users/SendConfirmationEmail`: mails the link that confirms an address of the caller.
pub(super) fn send_confirmation(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let address = own_address(tenant, call)?;
    let mail = mail(call, &address, "confirm_address", call.caller_id, None);
    tenant.send(mail);
    Ok(Answer::Done)
}

/// `POST /Users/SendEmailVerificationCode`: mails a code to an address that the caller wants to
/// have as another one.
pub(super) fn send_code(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    rights::require_own_settings(tenant, call)?;
    let address = call.given("email").unwrap_or_default().trim().to_owned();
    users::check_address(&address)?;
    if tenant.preferences.flag("DisableSecondaryEmails") {
        let message = "The account has no secondary addresses.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "FeatureDisabled", message));
    }
    if tenant.book.holder_of(&address).is_some() {
        return Err(users::duplicate(tenant));
    }
    let code = tenant.next_id().simple().to_string().chars().take(8).collect::<String>();
    let mail = mail(call, &address, "verification_code", call.caller_id, Some(code.clone()));
    tenant.send(mail);
    let caller = tenant.book.get_mut(call.caller_id).ok_or_else(Refusal::unauthenticated)?;
    caller.more_mut().unverified = Some((address, SecretString::from(code)));
    Ok(Answer::Nothing)
}

/// `POST /Users/VerifyEmailAddress`: with the right code the address is the caller's.
pub(super) fn verify_address(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    rights::require_own_settings(tenant, call)?;
    let (email, code) = (call.given("email"), call.given("verificationcode"));
    let caller = rights::caller(tenant, call)?;
    let wanted = caller.more().unverified.clone().filter(|(address, known)| {
        email.is_some_and(|email| address_key(email) == address_key(address))
            && code == Some(known.expose_secret())
    });
    let Some((address, _)) = wanted else {
        let message = "The code is wrong.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "InvalidValidationCode", message));
    };
    if tenant.book.holder_of(&address).is_some() {
        return Err(users::duplicate(tenant));
    }
    let primary = caller.email.to_string();
    let mut others = caller.more().other_addresses.clone();
    others.push(address);
    tenant.book.set_addresses(call.caller_id, &primary, others);
    if let Some(caller) = tenant.book.get_mut(call.caller_id) {
        caller.more_mut().unverified = None;
    }
    Ok(Answer::Nothing)
}

/// `POST /Users/Confirm`: the caller's own first login.
pub(super) fn confirm(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let body = call.body()?;
    let text = |name: &str| body.text(name).map(|text| text.map(str::to_owned));
    let (first, last, company) = (text("firstname")?, text("lastname")?, text("company")?);
    let password = text("password")?;
    if let Some(password) = &password {
        users::check_password(tenant, password)?;
    }
    let company = company.map(|company| tenant.book.company(&company));
    let now = call.now;
    let account = tenant.book.get_mut(call.caller_id).ok_or_else(Refusal::unauthenticated)?;
    if let Some(first) = first {
        account.first_name = first.into();
    }
    if let Some(last) = last {
        account.last_name = last.into();
    }
    if let Some(company) = company {
        account.company = company;
    }
    if let Some(password) = password {
        account.more_mut().password = Some(SecretString::from(password));
    }
    account.confirmed = true;
    account.last_login = Some(now);
    Ok(Answer::Done)
}
