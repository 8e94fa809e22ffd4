//! What a day came to, as JSON, text and files.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use rv_base::Meters;
use rv_fleet::{Fleet, OrderEnd};
use rv_map::City;
use rv_sim::day::{DayConfig, DayResult};
use rv_sim::torture::driven_outside;
use serde::Serialize;

use super::html;
use super::zones::{self, AreaUse};
use crate::city::write_whole;
use crate::machine;

/// The report, in the form that other programs may rely on; fields are only ever added.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) city: String,
    pub(crate) vans: usize,
    pub(crate) parcels: u64,
    pub(crate) hours: f64,
    pub(crate) orders: u64,
    pub(crate) accepted: u64,
    pub(crate) delivered: u64,
    pub(crate) returned: u64,
    pub(crate) cancelled: u64,
    pub(crate) refused: u64,
    pub(crate) on_time_share: f64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) parcels_delivered: u64,
    pub(crate) parcels_per_van: f64,
    pub(crate) km: f64,
    pub(crate) kwh: f64,
    pub(crate) charged_kwh: f64,
    pub(crate) cost_per_parcel: f64,
    pub(crate) currency: String,
    pub(crate) tickets: u64,
    pub(crate) operator_s: f64,
    pub(crate) permit_metres_outside: f64,
    pub(crate) audit_violations: u64,
    pub(crate) audit_examples: Vec<String>,
    pub(crate) rejected_commands: std::collections::BTreeMap<&'static str, u64>,
    pub(crate) driver_overruns: u32,
    pub(crate) messages_up: u64,
    pub(crate) messages_down: u64,
    pub(crate) ledger_records: u64,
    pub(crate) ledger_sha256: String,
    /// What jams and permits that held for a part of the day did to the ways driven.
    pub(crate) areas: Vec<AreaUse>,
    pub(crate) is_partial: bool,
    pub(crate) ended_at: String,
    pub(crate) threads: usize,
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
    pub(crate) rss_bytes_max: u64,
    pub(crate) seed: u64,
    pub(crate) version: &'static str,
}

/// A day that was run.
pub(crate) struct Run<'a> {
    pub(crate) city: &'a City,
    pub(crate) config: &'a DayConfig,
    pub(crate) result: &'a DayResult,
    pub(crate) seed: u64,
    pub(crate) hours: f64,
    pub(crate) started: Instant,
}

impl Report {
    pub(crate) fn new(run: &Run<'_>) -> Self {
        let Run { city, config, result, .. } = run;
        let (audit, tally) = (&result.audit, &result.tally);
        let n_vans = config.fleet.vans.len();
        let outside = audit
            .outside_permit
            .max(driven_outside(city, &result.rules, result).unwrap_or(Meters::ZERO));
        Self {
            city: city.name.clone(),
            vans: n_vans,
            parcels: tally.n_parcels,
            hours: run.hours,
            orders: audit.n_accepted + audit.n_refused,
            accepted: audit.n_accepted,
            delivered: audit.n_delivered,
            returned: audit.n_returned,
            cancelled: audit.n_cancelled,
            refused: audit.n_refused,
            on_time_share: audit.on_time_share(),
            lost: audit.n_lost,
            duplicated: audit.n_duplicated,
            parcels_delivered: tally.n_parcels_delivered,
            parcels_per_van: tally.n_parcels_delivered as f64 / n_vans.max(1) as f64,
            km: audit.driven.0 / 1000.0,
            kwh: audit.energy.0 / 1000.0,
            charged_kwh: tally.charged.0 / 1000.0,
            cost_per_parcel: tally.cost_per_parcel().to_units(),
            currency: config.fleet.costs.currency.iter().collect(),
            tickets: tally.n_tickets,
            operator_s: tally.operator.0,
            permit_metres_outside: outside.0,
            audit_violations: audit.n_violations,
            audit_examples: audit
                .violations
                .iter()
                .take(5)
                .map(|v| format!("record {}: {}", v.position, v.text))
                .collect(),
            rejected_commands: result.rejected.clone(),
            driver_overruns: result.n_overruns,
            messages_up: result.n_messages.0,
            messages_down: result.n_messages.1,
            ledger_records: result.n_records,
            ledger_sha256: result.ledger.to_string(),
            areas: zones::areas(city, config, result),
            is_partial: result.is_partial,
            ended_at: result.ended_at.to_string(),
            threads: config.n_threads,
            wall_s: run.started.elapsed().as_secs_f64(),
            cpu_s: machine::cpu_s(),
            rss_bytes_max: machine::rss_bytes_max(),
            seed: run.seed,
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// True if the audit found nothing wrong.
    pub(crate) fn is_clean(&self) -> bool {
        self.audit_violations == 0
            && self.lost == 0
            && self.duplicated == 0
            && self.permit_metres_outside == 0.0
    }

    pub(crate) fn to_text(&self, out: Option<&Path>) -> String {
        let mut text = String::new();
        let share = |n: u64| 100.0 * n as f64 / self.accepted.max(1) as f64;
        let _ = writeln!(
            text,
            "{}: {} vans, {} parcels in {} orders{}",
            self.city,
            self.vans,
            self.parcels,
            self.orders,
            if self.is_partial { ", stopped early" } else { "" }
        );
        let _ = writeln!(
            text,
            "delivered {} ({:.1} %), returned {}, cancelled {}, refused {}, on time {:.1} %",
            self.delivered,
            share(self.delivered),
            self.returned,
            self.cancelled,
            self.refused,
            100.0 * self.on_time_share
        );
        let _ = writeln!(
            text,
            "{:.0} km, {:.0} kWh, {:.2} {} a parcel, {:.1} parcels a van, {} tickets",
            self.km,
            self.kwh,
            self.cost_per_parcel,
            self.currency,
            self.parcels_per_van,
            self.tickets
        );
        let _ = writeln!(
            text,
            "audit: {} lost, {} twice, {} contradictions, {:.0} m outside permits",
            self.lost, self.duplicated, self.audit_violations, self.permit_metres_outside
        );
        for example in &self.audit_examples {
            let _ = writeln!(text, "  {example}");
        }
        for area in &self.areas {
            let _ = writeln!(text, "{}", area.to_text());
        }
        let _ = writeln!(text, "ledger {} ({} records)", self.ledger_sha256, self.ledger_records);
        let _ = writeln!(
            text,
            "seed {}, version {}, {:.1} s wall, {:.1} s CPU, {:.0} MB",
            self.seed,
            self.version,
            self.wall_s,
            self.cpu_s,
            self.rss_bytes_max as f64 / 1e6
        );
        if let Some(dir) = out {
            let _ = writeln!(text, "report: {}", dir.join("report.html").display());
        }
        text
    }
}

/// Writes report.html, report.json, orders.csv and vans.csv.
pub(crate) fn write_files(
    dir: &Path,
    report: &Report,
    city: &City,
    result: &DayResult,
    fleet: &Fleet,
) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(report)? + "\n";
    write_whole(&dir.join("report.json"), json.as_bytes())?;
    write_whole(&dir.join("report.html"), html::page(report, city, result).as_bytes())?;
    write_whole(&dir.join("orders.csv"), orders_csv(fleet)?.as_slice())?;
    write_whole(&dir.join("vans.csv"), vans_csv(fleet, result)?.as_slice())?;
    Ok(())
}

fn orders_csv(fleet: &Fleet) -> anyhow::Result<Vec<u8>> {
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record([
        "order",
        "key",
        "tenant",
        "kind",
        "n_parcels",
        "mass_kg",
        "accepted_at",
        "window_start",
        "window_end",
        "status",
        "reason",
        "ended_at",
        "van",
        "n_attempts",
        "cost",
    ])?;
    let tenants = &fleet.config().tenants;
    for state in &fleet.state().orders {
        let request = &state.order.request;
        let (reason, ended_at) = match state.end {
            Some(OrderEnd::Delivered { at, .. }) => (String::new(), at.to_string()),
            Some(OrderEnd::Returned(reason)) => (word(&reason), String::new()),
            _ => (String::new(), String::new()),
        };
        let tenant = tenants.get(request.tenant.idx()).map_or("", |t| t.name.as_str());
        file.write_record([
            state.order.id.to_string(),
            request.key.clone(),
            tenant.to_owned(),
            word(&request.kind),
            request.n_parcels.to_string(),
            format!("{:.2}", state.order.mass().0),
            state.order.accepted_at.to_string(),
            request.window.start.to_string(),
            request.window.end.to_string(),
            word(&state.status),
            reason,
            ended_at,
            state.van.map(|van| van.to_string()).unwrap_or_default(),
            state.n_attempts.to_string(),
            format!("{:.4}", state.cost),
        ])?;
    }
    Ok(file.into_inner()?)
}

fn vans_csv(fleet: &Fleet, result: &DayResult) -> anyhow::Result<Vec<u8>> {
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record([
        "van",
        "name",
        "hub",
        "km",
        "drawn_kwh",
        "charged_kwh",
        "stored_kwh",
        "parcels_delivered",
        "driving_share",
    ])?;
    let elapsed_s = result.history.last().map_or(1.0, |row| {
        result.history.first().map_or(1.0, |first| (row.at - first.at).0.max(1.0))
    });
    for (van, state) in fleet.config().vans.iter().zip(&fleet.state().vans) {
        let driven_s: f64 = result
            .driven
            .iter()
            .filter(|(id, _)| *id == van.id)
            .flat_map(|(_, driven)| driven)
            .map(|part| (part.left - part.entered).0)
            .sum();
        let hub = fleet.city().facilities.get(van.hub.idx()).map_or("", |hub| hub.name.as_str());
        file.write_record([
            van.id.to_string(),
            van.name.clone(),
            hub.to_owned(),
            format!("{:.3}", state.odometer.0 / 1000.0),
            format!("{:.3}", state.drawn.0 / 1000.0),
            format!("{:.3}", state.charged.0 / 1000.0),
            format!("{:.3}", state.stored.0 / 1000.0),
            state.n_parcels_delivered.to_string(),
            format!("{:.3}", driven_s / elapsed_s),
        ])?;
    }
    Ok(file.into_inner()?)
}

/// The word by which a value goes in JSON.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}
