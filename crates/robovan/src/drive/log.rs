//! Logs of drives: MCAP files that hold the scenario itself, one record a cycle with what was seen,
//! tried and decided, the scene in Foxglove's words, so that viewers show it, and in ASAM OSI's, so that
//! tools of other makers read it.
//!
//! A log depends on nothing but the scenario, the options and the driver: replaying it gives the
//! same bytes. So times that were measured are not in it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Cursor;

use mcap::records::MessageHeader;
use rv_base::Point2;
use rv_driver::monitor::{Drive, Verdict};
use rv_driver::trajectory::{Body, Ending, Kind, Road, Tried, Vehicle};
use rv_import::commonroad::Problem;
use rv_log::foxglove::{Cube, Entity, Line, LineKind, SceneUpdate};
use rv_log::osi::{self, GroundTruth, Moving, MovingKind};
use rv_sim::scenario::{CycleRecord, Driven, Recorded, reason_word, stage_word};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Topic of the records.
const CYCLE_TOPIC: &str = "/driver/cycle";
/// Name of the attachment and of the metadata.
const SCENARIO: &str = "scenario";
/// Others told of in a record.
const SEEN_MAX: usize = 8;
/// Height that is told of everybody, m: scenarios tell none.
const HEIGHT_M: f64 = 1.5;
/// Sight of a record, m.
const SIGHT_M: f64 = 80.0;

/// What a drive was made of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Origin {
    /// Name of the scenario's file.
    pub(super) file: String,
    /// The file.
    pub(super) bytes: Vec<u8>,
    /// `own` or `ground-truth`.
    pub(super) prediction: String,
    /// `off`, `counted`, `obeyed` or `strict`.
    pub(super) monitor: String,
    /// CommonRoad vehicle.
    pub(super) vehicle: u8,
    /// Seed.
    pub(super) seed: u64,
    /// Planning problem.
    pub(super) problem: i64,
}

/// A record of a cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LogLine {
    pub(super) problem: i64,
    pub(super) step: i64,
    pub(super) time_s: f64,
    pub(super) x_m: f64,
    pub(super) y_m: f64,
    pub(super) heading_rad: f64,
    pub(super) speed_mps: f64,
    pub(super) steering_rad: f64,
    pub(super) acceleration_mps2: f64,
    pub(super) steering_rate_radps: f64,
    pub(super) plan_kind: String,
    pub(super) is_new_plan: bool,
    pub(super) why: String,
    pub(super) n_proposals: usize,
    pub(super) work: u64,
    pub(super) n_seen: usize,
    pub(super) seen: Vec<SeenLine>,
    pub(super) proposals: Vec<ProposalLine>,
    pub(super) monitor: Option<MonitorLine>,
    pub(super) plan_xy_m: Vec<(f64, f64)>,
}

/// One of the others, from the vehicle's place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SeenLine {
    pub(super) id: i64,
    pub(super) ahead_m: f64,
    pub(super) left_m: f64,
    pub(super) speed_mps: f64,
}

/// A proposal and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ProposalLine {
    pub(super) base: usize,
    pub(super) offset_m: f64,
    pub(super) after_m: f64,
    pub(super) over_m: f64,
    pub(super) rank: f64,
    pub(super) outcome: String,
    pub(super) cost: Option<f64>,
    pub(super) has_stop_after: bool,
}

/// What the monitor said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct MonitorLine {
    /// `pass`, or why not.
    pub(super) verdict: String,
    pub(super) stage: String,
    pub(super) drives_plan: bool,
    pub(super) has_verified_stop: bool,
    pub(super) is_nearer_than_rss: bool,
}

/// The log of a drive.
pub(super) fn write(
    origin: &Origin,
    road: &Road,
    others: &[Recorded],
    vehicle: &Vehicle,
    problem: &Problem,
    (driven, dt_s): (&Driven, f64),
) -> mcap::McapResult<Vec<u8>> {
    let mut out = Cursor::new(Vec::new());
    let options = mcap::WriteOptions::new().compression(None).use_chunks(false).profile("");
    let name = concat!("robovan ", env!("CARGO_PKG_VERSION"));
    let options = mcap::WriteOptions::library(options, name);
    let mut log = options.create(&mut out)?;
    log.write_metadata(&mcap::records::Metadata {
        name: SCENARIO.to_owned(),
        metadata: origin.words(),
    })?;
    log.write_metadata(&mcap::records::Metadata {
        name: osi::TRACE.to_owned(),
        metadata: GroundTruth::trace_metadata(),
    })?;
    log.attach(&mcap::Attachment {
        log_time: 0,
        create_time: 0,
        name: origin.file.clone(),
        media_type: "application/xml".to_owned(),
        data: Cow::Borrowed(&origin.bytes),
    })?;
    let cycle_schema = json!({"type": "object", "title": "robovan.Cycle"}).to_string();
    let none = BTreeMap::new();
    let schema = log.add_schema("robovan.Cycle", "jsonschema", cycle_schema.as_bytes())?;
    let cycles = log.add_channel(schema, CYCLE_TOPIC, "json", &none)?;
    let schema = log.add_schema(SceneUpdate::NAME, "protobuf", &SceneUpdate::schema())?;
    let scenes = log.add_channel(schema, "/driver/scene", "protobuf", &none)?;
    let schema = log.add_schema(GroundTruth::NAME, "protobuf", &GroundTruth::schema())?;
    let truth_metadata = GroundTruth::channel_metadata();
    let truths = log.add_channel(schema, "/ground_truth", "protobuf", &truth_metadata)?;
    let origin_at = problem.position;
    for (i, record) in driven.cycles.iter().enumerate() {
        let line = line(record, others, vehicle, problem, dt_s);
        let at_ns = (line.time_s.max(0.0) * 1e9).round() as u64;
        let mut send = |channel_id, data: &[u8]| {
            let header = MessageHeader {
                channel_id,
                sequence: i as u32,
                log_time: at_ns,
                publish_time: at_ns,
            };
            log.write_to_known_channel(&header, data)
        };
        let road = (i == 0).then_some(road);
        send(cycles, line_json(&line).as_bytes())?;
        let scene = scene(record, others, vehicle, (road, problem), origin_at, at_ns);
        send(scenes, &scene.encode())?;
        send(truths, &truth(record, others, vehicle, (dt_s, at_ns)).encode())?;
    }
    log.finish()?;
    drop(log);
    Ok(out.into_inner())
}

/// What a log was made of.
pub(super) fn origin(log: &[u8]) -> anyhow::Result<Origin> {
    let (mut words, mut file) = (None, None);
    for record in mcap::read::ChunkFlattener::new(log)? {
        match record? {
            mcap::records::Record::Metadata(m) if m.name == SCENARIO => words = Some(m.metadata),
            mcap::records::Record::Attachment { header, data, .. } => {
                file = Some((header.name, data.into_owned()));
            }
            mcap::records::Record::Message { .. } => break,
            _ => {}
        }
    }
    let (Some(words), Some((file, bytes))) = (words, file) else {
        anyhow::bail!("it holds no scenario");
    };
    Origin::from_words(&words, file, bytes)
        .ok_or_else(|| anyhow::anyhow!("what it says of its options cannot be read"))
}

/// The records of a log, in order.
pub(super) fn lines(log: &[u8]) -> anyhow::Result<Vec<LogLine>> {
    let mut out = Vec::new();
    for message in mcap::MessageStream::new(log)? {
        let message = message?;
        if message.channel.topic == CYCLE_TOPIC {
            out.push(serde_json::from_slice(&message.data)?);
        }
    }
    Ok(out)
}

impl Origin {
    fn words(&self) -> BTreeMap<String, String> {
        let rows = [
            ("prediction", self.prediction.clone()),
            ("monitor", self.monitor.clone()),
            ("vehicle", self.vehicle.to_string()),
            ("seed", self.seed.to_string()),
            ("problem", self.problem.to_string()),
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        rows.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
    }

    fn from_words(words: &BTreeMap<String, String>, file: String, bytes: Vec<u8>) -> Option<Self> {
        Some(Self {
            file,
            bytes,
            prediction: words.get("prediction")?.clone(),
            monitor: words.get("monitor")?.clone(),
            vehicle: words.get("vehicle")?.parse().ok()?,
            seed: words.get("seed")?.parse().ok()?,
            problem: words.get("problem")?.parse().ok()?,
        })
    }
}

fn line_json(line: &LogLine) -> String {
    serde_json::to_string(line).expect("plain numbers and words")
}

fn line(
    record: &CycleRecord,
    others: &[Recorded],
    vehicle: &Vehicle,
    problem: &Problem,
    dt_s: f64,
) -> LogLine {
    let cycle = &record.cycle;
    LogLine {
        problem: problem.id,
        step: record.step,
        time_s: (record.step - problem.step) as f64 * dt_s,
        x_m: record.state.rear.x_m,
        y_m: record.state.rear.y_m,
        heading_rad: record.state.heading_rad,
        speed_mps: record.state.speed_mps,
        steering_rad: record.state.steering_rad,
        acceleration_mps2: record.driven.acceleration_mps2,
        steering_rate_radps: record.driven.steering_rate_radps,
        plan_kind: kind_word(cycle.kind).to_owned(),
        is_new_plan: cycle.is_new,
        why: cycle.why.to_owned(),
        n_proposals: cycle.n_proposals,
        work: cycle.work,
        n_seen: record.n_seen,
        seen: seen(record, others, vehicle),
        proposals: cycle.tried.iter().map(proposal).collect(),
        monitor: record.decision.as_ref().map(|watched| MonitorLine {
            verdict: match &watched.decision.verdict {
                Verdict::Pass => "pass".to_owned(),
                Verdict::Stop(reason) => reason_word(reason).to_owned(),
            },
            stage: stage_word(&watched.decision.stage).to_owned(),
            drives_plan: watched.decision.drive == Drive::Plan,
            has_verified_stop: watched.decision.has_verified_stop,
            is_nearer_than_rss: watched.is_too_near,
        }),
        plan_xy_m: record.plan.iter().map(|p| (p.x_m, p.y_m)).collect(),
    }
}

fn proposal(tried: &Tried) -> ProposalLine {
    let (outcome, cost, has_stop_after) = match tried.ending {
        Ending::NoPath => ("no path can be drawn", None, false),
        Ending::NoGoal => ("does not pass the goal", None, false),
        Ending::TooFar => ("the goal cannot be reached in time", None, false),
        Ending::RoadEnds => ("the road ends before the goal", None, false),
        Ending::NoSpeed => ("no speed keeps clear of the others in time", None, false),
        Ending::Touches => ("touches someone when driven", None, false),
        Ending::Fails => ("misses the goal or an edge when driven", None, false),
        Ending::Fine { cost, has_stop_after } => ("fine", Some(cost), has_stop_after),
    };
    ProposalLine {
        base: tried.base,
        offset_m: tried.offset_m,
        after_m: tried.after_m,
        over_m: tried.over_m,
        rank: tried.rank,
        outcome: outcome.to_owned(),
        cost,
        has_stop_after,
    }
}

/// The nearest of the others.
fn seen(record: &CycleRecord, others: &[Recorded], vehicle: &Vehicle) -> Vec<SeenLine> {
    let own = record.state.body(vehicle);
    let (sin, cos) = own.heading_rad.sin_cos();
    let mut rows: Vec<(f64, SeenLine)> = Vec::new();
    for other in others {
        let Some((body, speed_mps)) = other.at(record.step) else { continue };
        let (x, y) = (body.centre.x_m - own.centre.x_m, body.centre.y_m - own.centre.y_m);
        let (ahead_m, left_m) = (x * cos + y * sin, y * cos - x * sin);
        let away_m = x.hypot(y);
        if away_m < SIGHT_M {
            rows.push((away_m, SeenLine { id: other.id, ahead_m, left_m, speed_mps }));
        }
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    rows.into_iter().take(SEEN_MAX).map(|r| r.1).collect()
}

pub(super) fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Goal => "goal",
        Kind::Onward => "onward",
        Kind::Stop => "stop",
    }
}

/// The scene in Foxglove's words, in metres from the start.
fn scene(
    record: &CycleRecord,
    others: &[Recorded],
    vehicle: &Vehicle,
    (road, problem): (Option<&Road>, &Problem),
    from: Point2,
    at_ns: u64,
) -> SceneUpdate {
    let entity = |id: &str, cubes, lines| Entity {
        at_ns,
        frame: "map".to_owned(),
        id: id.to_owned(),
        cubes,
        lines,
    };
    let line = |points: &[Point2], kind, thickness_m, rgba| Line {
        kind,
        thickness_m,
        points_m: points.iter().map(|p| [p.x_m - from.x_m, p.y_m - from.y_m, 0.0]).collect(),
        rgba,
    };
    let mut entities = Vec::new();
    if let Some(road) = road {
        let lanes = road.map().lanes.iter().take(400);
        let lanes =
            lanes.map(|lane| line(&lane.ring(), LineKind::Loop, 0.1, [0.6, 0.6, 0.65, 1.0]));
        let goals = problem.goals.iter().flat_map(|g| &g.regions).filter_map(|shape| {
            let rv_import::commonroad::Shape::Polygon(ring) = shape else { return None };
            Some(line(ring, LineKind::Loop, 0.3, [0.85, 0.65, 0.1, 1.0]))
        });
        entities.push(entity("road", Vec::new(), lanes.chain(goals).collect()));
    }
    let own = cube(&record.state.body(vehicle), from, [0.8, 0.15, 0.12, 1.0]);
    let plan = line(&record.plan, LineKind::Strip, 0.4, [0.1, 0.6, 0.25, 0.9]);
    entities.push(entity("ego", vec![own], vec![plan]));
    let there = others.iter().filter_map(|o| o.at(record.step));
    let cubes = there.map(|(body, _)| cube(&body, from, [0.2, 0.35, 0.7, 0.9]));
    entities.push(entity("others", cubes.collect(), Vec::new()));
    SceneUpdate { entities }
}

/// The scene in OSI's words, in the scenario's own frame.
fn truth(
    record: &CycleRecord,
    others: &[Recorded],
    vehicle: &Vehicle,
    (dt_s, at_ns): (f64, u64),
) -> GroundTruth {
    let host_id = others.iter().map(|o| o.id.unsigned_abs()).max().map_or(0, |id| id + 1);
    let place = |id: u64, kind, body: &Body, speed_mps, acceleration_mps2| Moving {
        id,
        kind,
        middle_m: [body.centre.x_m, body.centre.y_m, HEIGHT_M / 2.0],
        yaw_rad: body.heading_rad,
        size_m: [2.0 * body.half_length_m, 2.0 * body.half_width_m, HEIGHT_M],
        speed_mps,
        acceleration_mps2,
    };
    let own = record.state.body(vehicle);
    let own_mps2 = record.driven.acceleration_mps2;
    let mut moving =
        vec![place(host_id, MovingKind::Vehicle, &own, record.state.speed_mps, own_mps2)];
    let mut stationary = Vec::new();
    for other in others {
        let Some((body, speed_mps)) = other.at(record.step) else { continue };
        let before_mps = other.at(record.step - 1).map_or(speed_mps, |b| b.1);
        let kind = if other.keeps_lane { MovingKind::Vehicle } else { MovingKind::Pedestrian };
        let told =
            place(other.id.unsigned_abs(), kind, &body, speed_mps, (speed_mps - before_mps) / dt_s);
        if other.is_static { stationary.push(told) } else { moving.push(told) }
    }
    GroundTruth { at_ns, host_id, moving, stationary }
}

fn cube(body: &Body, from: Point2, rgba: [f64; 4]) -> Cube {
    Cube {
        middle_m: [body.centre.x_m - from.x_m, body.centre.y_m - from.y_m, HEIGHT_M / 2.0],
        yaw_rad: body.heading_rad,
        size_m: [2.0 * body.half_length_m, 2.0 * body.half_width_m, HEIGHT_M],
        rgba,
    }
}
