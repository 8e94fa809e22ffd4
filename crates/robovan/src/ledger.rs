//! `robovan ledger`: read, check and replay the ledger of a run.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use rv_base::Timestamp;
use rv_fleet::audit::{Audit, AuditReport};
use rv_fleet::{Event, Record, RestoreError, State};
use rv_map::City;
use rv_server::describe;
use rv_server::ledger::{Source, SourceError, Tail, state_hash};
use serde::Serialize;

use crate::city;
use crate::output::{self, HintExt};

/// Name of the city file that `robovan up` keeps beside its store.
const CITY_FILE: &str = "city.rvcity";

/// Subcommands of `robovan ledger`.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print records
    Show(ShowArgs),
    /// Check the hash chain, and that no record contradicts another, the map or the permits
    Verify(VerifyArgs),
    /// Rebuild the fleet's state from the records, up to any of them
    Replay(ReplayArgs),
}

/// Which ledger.
#[derive(Args)]
struct From {
    /// Data directory of `robovan up`, or a .rvlog file [default: robovan-data]
    #[arg(default_value = "robovan-data", value_name = "DIR|FILE.rvlog")]
    path: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `robovan ledger show`.
#[derive(Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    from: From,
    /// First record to print, counted from 0
    #[arg(long, default_value_t = 0, value_name = "N")]
    after: u64,
    /// Most records to print
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u64,
}

/// Arguments of `robovan ledger verify`.
#[derive(Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    from: From,
    /// City file, to check routes and permits too [default: the data directory's]
    #[arg(long, value_name = "FILE")]
    city: Option<PathBuf>,
}

/// Arguments of `robovan ledger replay`.
#[derive(Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    from: From,
    /// Stop before this record, counted from 0
    #[arg(long, value_name = "N")]
    until: Option<u64>,
}

/// Runs `robovan ledger`.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Show(args) => show(&args),
        Command::Verify(args) => verify(&args),
        Command::Replay(args) => replay(&args),
    }
}

#[derive(Serialize)]
struct Line<'a> {
    position: u64,
    t_ms: i64,
    event: &'a Event,
}

fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let source = open(&args.from.path)?;
    let last = args.after.saturating_add(args.limit);
    let mut state = State::default();
    let mut failure = None;
    let tail = source.each(|record| {
        if record.position >= last {
            return ControlFlow::Break(());
        }
        let is_wanted = record.position >= args.after;
        let result = state.take(&record).map_err(anyhow::Error::from).and_then(|()| {
            if is_wanted { output::print(&line(&record, &state, args.from.json)?) } else { Ok(()) }
        });
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    read_to(tail)?;
    failure.map_or(Ok(ExitCode::SUCCESS), Err)
}

fn line(record: &Record, state: &State, json: bool) -> anyhow::Result<String> {
    let Record { position, at, event } = record;
    if json {
        let line = Line { position: *position, t_ms: at.0, event };
        return Ok(serde_json::to_string(&line)? + "\n");
    }
    let text = describe(*at, event, state).map_or_else(
        || {
            let debug = format!("{event:?}");
            debug.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("").to_owned()
        },
        |item| item.text,
    );
    Ok(format!("{position:>8}  {at}  {text}\n"))
}

#[derive(Serialize)]
struct Verdict {
    is_clean: bool,
    /// What broke the chain, if it is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    damage: Option<String>,
    n_records: u64,
    ledger_sha256: String,
    /// Whether routes and permits were checked against the map.
    has_map: bool,
    audit: AuditReport,
}

fn verify(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let source = open(&args.from.path)?;
    let city = find_city(&args.from.path, args.city.as_deref())?;
    let verdict = judge(source, city.as_ref());
    if args.from.json {
        output::print_json(&verdict)?;
    } else {
        output::print(&in_words(&verdict))?;
    }
    Ok(if verdict.is_clean { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn judge(source: Source, city: Option<&City>) -> Verdict {
    let mut audit = Audit::new(city);
    let checked = source.check();
    let read = checked.and_then(|()| {
        source.each(|record| {
            audit.push(&record);
            ControlFlow::Continue(())
        })
    });
    let audit = audit.finish();
    let (damage, tail) = match read {
        Ok(tail) => (None, Some(tail)),
        Err(error) => (Some(error.to_string()), None),
    };
    Verdict {
        is_clean: damage.is_none() && audit.is_clean(),
        damage,
        n_records: tail.map_or(audit.n_records, |t| t.n_records),
        ledger_sha256: tail.map_or_else(String::new, |t| t.hash.to_string()),
        has_map: city.is_some(),
        audit,
    }
}

fn in_words(verdict: &Verdict) -> String {
    let audit = &verdict.audit;
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = match &verdict.damage {
        Some(damage) => writeln!(text, "DAMAGED: {damage}"),
        None => {
            writeln!(text, "chain whole: {} records, {}", verdict.n_records, verdict.ledger_sha256)
        }
    };
    let _ = writeln!(
        text,
        "orders: {} accepted, {} delivered, {} returned, {} cancelled, {} refused; {} lost, {} doubled",
        audit.n_accepted,
        audit.n_delivered,
        audit.n_returned,
        audit.n_cancelled,
        audit.n_refused,
        audit.n_lost,
        audit.n_duplicated,
    );
    let permits = if verdict.has_map {
        format!("{:.0} m outside permits", audit.outside_permit.0)
    } else {
        "routes and permits not checked (name the city file with --city)".into()
    };
    let _ = writeln!(text, "driven: {:.1} km, {permits}", audit.driven.0 / 1000.0);
    for violation in &audit.violations {
        let _ = writeln!(text, "record {}: {}", violation.position, violation.text);
    }
    let _ = writeln!(text, "{}", if verdict.is_clean { "clean" } else { "NOT CLEAN" });
    text
}

#[derive(Serialize)]
struct Replayed {
    n_records: u64,
    at: String,
    ledger_sha256: String,
    state_sha256: String,
    orders: u64,
    delivered: u64,
    returned: u64,
    cancelled: u64,
    refused: u64,
    pending: u64,
    km: f64,
    kwh: f64,
}

fn replay(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let source = open(&args.from.path)?;
    let mut state = State::default();
    let mut failure: Option<RestoreError> = None;
    let until = args.until.unwrap_or(u64::MAX);
    let mut tail = Tail { n_records: 0, hash: rv_log::Digest::default() };
    if until > 0 {
        tail = read_to(source.each(|record| {
            failure = state.take(&record).err();
            let is_last = record.position + 1 >= until;
            if is_last || failure.is_some() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }))?;
    }
    if let Some(error) = failure {
        return Err(error)
            .hint("the ledger cannot be replayed", "check it with `robovan ledger verify`");
    }
    let replayed = summary(&state, tail);
    if args.from.json {
        output::print_json(&replayed)?;
    } else {
        output::print(&format!(
            "{} records up to {}\nstate  {}\nledger {}\n{} orders: {} delivered, {} returned, {} \
             cancelled, {} refused, {} pending; {:.1} km, {:.1} kWh\n",
            replayed.n_records,
            replayed.at,
            replayed.state_sha256,
            replayed.ledger_sha256,
            replayed.orders,
            replayed.delivered,
            replayed.returned,
            replayed.cancelled,
            replayed.refused,
            replayed.pending,
            replayed.km,
            replayed.kwh,
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(state: &State, tail: Tail) -> Replayed {
    let tally = &state.tally;
    let at: Timestamp = state.at;
    Replayed {
        n_records: tail.n_records,
        at: at.to_string(),
        ledger_sha256: tail.hash.to_string(),
        state_sha256: state_hash(state).to_string(),
        orders: tally.n_orders,
        delivered: tally.n_delivered,
        returned: tally.n_returned,
        cancelled: tally.n_cancelled,
        refused: tally.n_refused,
        pending: tally.n_pending(),
        km: tally.driven.0 / 1000.0,
        kwh: tally.drawn.0 / 1000.0,
    }
}

fn open(path: &Path) -> anyhow::Result<Source> {
    read_to(Source::open(path))
}

/// Keeps a source error's hint.
fn read_to<T>(result: Result<T, SourceError>) -> anyhow::Result<T> {
    let hint = result.as_ref().err().map_or("", SourceError::hint);
    result.hint("the ledger cannot be read", hint)
}

/// The city file given, or the one beside the store.
fn find_city(path: &Path, given: Option<&Path>) -> anyhow::Result<Option<City>> {
    let beside = path.join(CITY_FILE);
    let file = match given {
        Some(file) => file,
        None if beside.is_file() => &beside,
        None => return Ok(None),
    };
    city::load(file).map(Some)
}
