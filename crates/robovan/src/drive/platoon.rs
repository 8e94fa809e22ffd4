//! A platoon of trucks on a motorway lane.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use rv_driver::truck::Brakes;
use rv_sim::platoon::{Manoeuvre, PlatoonOutcome, PlatoonRun, TRUCKS_MAX, run as drive};
use serde::Serialize;

use crate::output::{self, HintExt};

#[derive(Args)]
pub(crate) struct PlatoonArgs {
    /// Number of trucks
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(2..=TRUCKS_MAX as i64))]
    trucks: u16,
    /// Speed, km/h
    #[arg(long, default_value_t = 80.0, value_name = "KMH", value_parser = speed)]
    speed_kmh: f64,
    /// What the first truck does: brakes fully after 20 s, or speeds up and slows down
    #[arg(long, value_enum, default_value_t = ManoeuvreArg::Brake)]
    manoeuvre: ManoeuvreArg,
    /// Braking of each truck, m/s2, the first one's first; the last given holds for the rest
    #[arg(long, value_delimiter = ',', default_value = "3.055", value_name = "MPS2", value_parser = braking)]
    braking: Vec<f64>,
    /// When the link fails, s
    #[arg(long, value_name = "SECONDS")]
    link_fails_at_s: Option<f64>,
    /// Share of messages that get lost
    #[arg(long, default_value_t = 0.02, value_name = "SHARE", value_parser = share)]
    link_loss: f64,
    /// Draws gaps and speeds over time
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Seed of noise and losses
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// What the first truck does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ManoeuvreArg {
    /// Brakes fully after 20 s
    Brake,
    /// Speeds up and slows down by 1 m/s every 20 s
    Wave,
}

#[derive(Serialize)]
struct Answer<'a> {
    n_trucks: usize,
    speed_kmh: f64,
    manoeuvre: String,
    seed: u64,
    version: &'static str,
    #[serde(flatten)]
    outcome: &'a PlatoonOutcome,
}

pub(super) fn run(args: &PlatoonArgs) -> anyhow::Result<ExitCode> {
    let last = *args.braking.last().unwrap_or(&Brakes::LOADED.braking_max_mps2);
    let brakes = |i: usize| Brakes {
        braking_max_mps2: args.braking.get(i).copied().unwrap_or(last),
        ..Brakes::LOADED
    };
    let platoon = PlatoonRun {
        brakes: (0..usize::from(args.trucks)).map(brakes).collect(),
        speed_mps: args.speed_kmh / 3.6,
        manoeuvre: match args.manoeuvre {
            ManoeuvreArg::Brake => Manoeuvre::Brake { at_s: 20.0 },
            ManoeuvreArg::Wave => Manoeuvre::Wave { period_s: 20.0, by_mps: 1.0 },
        },
        link_delay_s: 0.1,
        link_loss: args.link_loss,
        link_fails_at_s: args.link_fails_at_s,
        duration_s: 90.0,
        seed: args.seed,
    };
    let outcome = drive(&platoon);
    if let Some(path) = &args.svg {
        let what = || format!("cannot write {}", path.display());
        std::fs::write(path, picture(&outcome)).hint(what(), "give a folder that exists")?;
    }
    if args.json {
        output::print_json(&Answer {
            n_trucks: platoon.brakes.len(),
            speed_kmh: args.speed_kmh,
            manoeuvre: format!("{:?}", args.manoeuvre).to_lowercase(),
            seed: args.seed,
            version: env!("CARGO_PKG_VERSION"),
            outcome: &outcome,
        })?;
    } else {
        output::print(&words(&outcome))?;
    }
    Ok(if outcome.n_contacts == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn words(outcome: &PlatoonOutcome) -> String {
    let mut text = String::new();
    let rows = outcome.gap_kept_m.iter().zip(&outcome.gap_least_m).enumerate();
    for (i, (kept, least)) in rows {
        let _ =
            writeln!(text, "truck {} to {}: kept {kept:.1} m, least {least:.1} m", i + 1, i + 2);
    }
    if let Some(way_m) = outcome.stopping_distance_m {
        let _ = writeln!(text, "the first stands after {way_m:.1} m");
    } else {
        let swing: Vec<_> = outcome.swing_mps.iter().map(|v| format!("{v:.2}")).collect();
        let _ = writeln!(text, "speeds stray by {} m/s, first to last", swing.join(", "));
    }
    let _ = writeln!(
        text,
        "{} contacts, {} cycles of emergency braking",
        outcome.n_contacts, outcome.n_emergencies
    );
    text
}

/// Two charts, one above the other: speeds and gaps over time.
fn picture(outcome: &PlatoonOutcome) -> String {
    let (width, height) = (900.0, 240.0);
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {} {}' font-family='sans-serif' \
         font-size='13'><rect width='100%' height='100%' fill='white'/>\n",
        width + 90.0,
        2.0 * height + 110.0
    );
    let charts = [("speed, m/s", &outcome.speeds_mps, 40.0), ("gap, m", &outcome.gaps_m, 330.0)];
    for (name, samples, top) in charts {
        let most = samples.iter().flatten().fold(1.0_f64, |a, b| a.max(*b)) * 1.05;
        let end_s = samples.len() as f64 * PlatoonOutcome::SAMPLE_S;
        let x = |s: f64| 60.0 + s / end_s * width;
        let y = |v: f64| top + height - v / most * height;
        let _ = writeln!(svg, "<text x='60' y='{}' font-weight='bold'>{name}</text>", top - 12.0);
        for i in 0..=4 {
            let v = most * f64::from(i) / 4.0;
            let _ = writeln!(
                svg,
                "<line x1='60' x2='{}' y1='{y:.1}' y2='{y:.1}' stroke='#ddd'/>\
                 <text x='54' y='{:.1}' text-anchor='end'>{v:.0}</text>",
                60.0 + width,
                y(v) + 4.0,
                y = y(v)
            );
        }
        for s in (0..=end_s as usize).step_by(10) {
            let at = x(s as f64);
            let below = top + height + 18.0;
            let _ =
                writeln!(svg, "<text x='{at:.0}' y='{below}' text-anchor='middle'>{s} s</text>");
        }
        let n = samples.first().map_or(0, Vec::len);
        for k in 0..n {
            let hue = 220.0 - 190.0 * k as f64 / n.max(2) as f64;
            let points: Vec<_> = samples
                .iter()
                .enumerate()
                .step_by(4)
                .map(|(i, row)| {
                    format!("{:.1},{:.1}", x(i as f64 * PlatoonOutcome::SAMPLE_S), y(row[k]))
                })
                .collect();
            let _ = writeln!(
                svg,
                "<polyline fill='none' stroke='hsl({hue:.0},75%,42%)' stroke-width='1.6' points='{}'/>",
                points.join(" ")
            );
        }
    }
    svg + "</svg>\n"
}

fn within(text: &str, low: f64, high: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (low..=high).contains(&value) => Ok(value),
        _ => Err(format!("give a number from {low} to {high}")),
    }
}

fn speed(text: &str) -> Result<f64, String> {
    within(text, 10.0, 120.0)
}

fn braking(text: &str) -> Result<f64, String> {
    within(text, 1.0, 9.0)
}

fn share(text: &str) -> Result<f64, String> {
    within(text, 0.0, 1.0)
}
