//! Resource units: what each request costs, and who has used too many (Graph reference, section 8,
//! "Limits").
//!
//! One bucket for the application in the tenant, refilled by the clock of the tenant; reports have
//! one of their own. Requests that are refused count too.

use axum::http::Method;

use crate::model::ids::Timestamp;

use super::Tenant;
use super::call::{Call, Refusal, http_date};
use super::route::Endpoint;
use super::switches::RetryAfter;

/// The window of every limit, in milliseconds.
const WINDOW_MS: f64 = 10_000.0;
/// Requests for reports in a window.
const REPORTS: f64 = 5.0;
/// From which share of the limit on the caller is told.
const TOLD_FROM: f64 = 0.8;
/// The bucket does not overflow any further than this share of the limit.
const MOST: f64 = 1.8;

/// What one request cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Charge {
    /// Resource units.
    pub units: u32,
    /// Which share of the limit is used, once that is worth telling.
    pub share: Option<f64>,
}

impl Charge {
    /// Returns the headers that tell the caller.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![("x-ms-resource-unit", self.units.to_string())];
        if let Some(share) = self.share {
            headers.push(("x-ms-throttle-limit-percentage", format!("{share:.2}")));
        }
        headers
    }
}

/// What was used and not yet forgotten.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    used: f64,
    at: Timestamp,
}

impl Bucket {
    /// Takes `units` at `now` and returns the share of `limit` that is used then.
    fn take(&mut self, units: f64, limit: f64, now: Timestamp) -> f64 {
        // The clock may have been set back; then nothing is forgotten.
        let passed_ms = now.0.saturating_sub(self.at.0).clamp(0, 60_000);
        let passed_ms = f64::from(i32::try_from(passed_ms).unwrap_or(60_000));
        self.used = (self.used - limit * passed_ms / WINDOW_MS).max(0.0);
        self.at = now;
        self.used = (self.used + units).min(limit * MOST);
        self.used / limit
    }
}

/// The buckets of a tenant.
#[derive(Clone, Debug, Default)]
pub struct Buckets {
    units: Bucket,
    reports: Bucket,
}

/// Charges a request.
///
/// # Errors
/// 429 when more than the limit is used.
pub fn charge(tenant: &Tenant, call: &Call, endpoint: &Endpoint) -> (Charge, Result<(), Refusal>) {
    if *endpoint == Endpoint::Batch {
        // Each request inside is charged on its own.
        return (Charge::default(), Ok(()));
    }
    let units = cost(call, endpoint);
    let now = tenant.clock.now();
    let (people, set, form) = {
        let state = tenant.state();
        let switches = &state.switches;
        (state.people.len(), switches.resource_units, switches.retry_after)
    };
    let limit = f64::from(set.unwrap_or_else(|| limit(people)).max(1));
    let mut buckets = tenant.buckets();
    let share = buckets.units.take(f64::from(units), limit, now);
    let reports = match endpoint {
        Endpoint::ProvisioningLog => buckets.reports.take(1.0, REPORTS, now),
        _ => 0.0,
    };
    drop(buckets);
    let told = Some(share).filter(|share| *share >= TOLD_FROM);
    let charge = Charge { units, share: told };
    let worst = share.max(reports);
    if worst <= 1.0 {
        return (charge, Ok(()));
    }
    let wait_secs = (worst - 1.0) * WINDOW_MS / 1000.0;
    (charge, Err(refusal(tenant, call, wait_secs, form, now)))
}

fn refusal(
    tenant: &Tenant,
    call: &Call,
    wait_secs: f64,
    form: RetryAfter,
    now: Timestamp,
) -> Refusal {
    let kind = if call.method == Method::GET { "Read" } else { "ReadWrite" };
    let scope = format!("Tenant_Application/{kind}/{}/{}", tenant.client_id(), tenant.tenant_id());
    let refusal = super::route::too_many()
        .header("x-ms-throttle-scope", scope)
        .header("x-ms-throttle-information", "ResourceUnitLimitExceeded");
    // Whole seconds are rounded up, and nobody is sent back at once.
    let whole = (wait_secs - 1e-6).ceil().max(1.0);
    match form {
        RetryAfter::Seconds => refusal.header("Retry-After", format!("{whole:.0}")),
        RetryAfter::Fraction => refusal.header("Retry-After", format!("{:.3}", wait_secs + 0.001)),
        RetryAfter::HttpDate => {
            // The cast is of a small whole number.
            #[allow(clippy::cast_possible_truncation)]
            let until = now.plus_ms((whole as i64 + 1) * 1000);
            refusal.header("Retry-After", http_date(until))
        }
        RetryAfter::Absent => refusal,
    }
}

/// Resource units for an application in a tenant of that size, in ten seconds.
fn limit(people: usize) -> u32 {
    match people {
        0..50 => 3_500,
        50..=500 => 5_000,
        _ => 8_000,
    }
}

fn cost(call: &Call, endpoint: &Endpoint) -> u32 {
    let base: i32 = match endpoint {
        Endpoint::Users | Endpoint::Registrations => 2,
        Endpoint::Members { transitive: true, .. } => 5,
        Endpoint::Members { .. } | Endpoint::ByIds => 3,
        _ => 1,
    };
    let select = i32::from(call.option("$select").is_some());
    let expand = i32::from(call.option("$expand").is_some());
    let small = call.option("$top").and_then(|top| top.parse::<u32>().ok());
    let small = i32::from(small.is_some_and(|top| top < 20));
    u32::try_from(base - select + expand - small).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_fills_and_forgets() {
        let mut bucket = Bucket::default();
        assert!((bucket.take(50.0, 100.0, Timestamp(0)) - 0.5).abs() < 1e-9);
        assert!((bucket.take(50.0, 100.0, Timestamp(0)) - 1.0).abs() < 1e-9);
        assert!((bucket.take(0.0, 100.0, Timestamp(5_000)) - 0.5).abs() < 1e-9);
        assert!((bucket.take(1000.0, 100.0, Timestamp(5_000)) - 1.8).abs() < 1e-9);
        assert!((bucket.take(0.0, 100.0, Timestamp(4_000)) - 1.8).abs() < 1e-9);
        assert!(bucket.take(0.0, 100.0, Timestamp(60_000)) < 1e-9);
    }

    #[test]
    fn larger_tenants_may_ask_more() {
        assert_eq!([limit(49), limit(50), limit(500), limit(501)], [3_500, 5_000, 5_000, 8_000]);
    }
}
