//! Plans as pictures (SVG): who drives when, and what drives where.

mod map;
mod time;

use std::fmt::Write as _;

use rv_linehaul::Times;
use rv_model::linehaul::{
    Disruption, Leg, NetworkDesign, StaticPlan, TimedPlan, Week, WeekError, WeekPlan,
};

pub(super) use map::draw as draw_map;
pub(super) use time::draw as draw_time;

/// A plan as pictures need it.
pub(super) struct Scene {
    hubs: Vec<Place>,
    drives: Vec<Drive>,
    charges: Vec<Stay>,
    closures: Vec<Closure>,
    /// What one unit of freight is called.
    unit: &'static str,
    clock: ClockFace,
    /// Commodity whose way stands out.
    marked: Option<Marked>,
}

struct Place {
    name: String,
    x: f64,
    y: f64,
}

/// Trucks that leave together, with or without freight.
struct Drive {
    from: usize,
    to: usize,
    /// Loading begins, wheels roll, they arrive, freight is at hand.
    load: f64,
    depart: f64,
    arrive: f64,
    unloaded: f64,
    n_trucks: u32,
    /// Freight and what would fit; both zero without freight.
    freight: f64,
    room: f64,
}

struct Stay {
    hub: usize,
    from: f64,
    to: f64,
}

struct Closure {
    hub: Option<usize>,
    from: f64,
    to: f64,
}

struct Marked {
    key: String,
    origin: usize,
    release: f64,
    due: f64,
    /// Drives that it rides.
    drives: Vec<usize>,
}

/// How moments are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ClockFace {
    /// Seconds since Monday 00:00, as days and hours.
    Week,
    /// The instance's own unit.
    Bare,
    /// There are no moments.
    None,
}

impl Scene {
    /// A week's plan; `week` is the one that the plan answers, with what events brought.
    pub(super) fn of_week(
        week: &Week,
        events: &[Disruption],
        plan: &WeekPlan,
    ) -> Result<Self, WeekError> {
        let times = Times::new(week, events)?;
        let mut freight = vec![0.0; plan.departures.len()];
        for (com, rides) in week.commodities.iter().zip(&plan.itineraries) {
            for &d in rides {
                if let Some(sum) = freight.get_mut(d as usize) {
                    *sum += com.size_kg;
                }
            }
        }
        let mut drives = Vec::new();
        for (row, &kg) in plan.departures.iter().zip(&freight) {
            let Some(at) = times.of_departure(row) else { continue };
            let lane = &week.lanes[row.lane as usize];
            let payload = week.classes.get(row.class as usize).map_or(0.0, |c| c.payload_kg);
            drives.push(Drive {
                from: lane.from as usize,
                to: lane.to as usize,
                load: at.load_s,
                depart: at.depart_s,
                arrive: at.arrive_s,
                unloaded: at.unloaded_s,
                n_trucks: row.n_trucks,
                freight: kg,
                room: payload * f64::from(row.n_trucks),
            });
        }
        let mut charges = Vec::new();
        for truck in &plan.trucks {
            let mut at = week.fleets.get(truck.fleet as usize).map_or(0, |f| f.hub as usize);
            for leg in &truck.legs {
                match *leg {
                    Leg::Charge { from_s, to_s } => {
                        charges.push(Stay { hub: at, from: from_s, to: to_s });
                    }
                    Leg::Service { departure } => {
                        let row = plan.departures.get(departure as usize);
                        let lane = row.and_then(|row| week.lanes.get(row.lane as usize));
                        at = lane.map_or(at, |lane| lane.to as usize);
                    }
                    Leg::Empty { lane, depart_s } => {
                        let Some(arrive) = times.arrival_s(lane, depart_s) else { continue };
                        let (from, to) =
                            (week.lanes[lane as usize].from, week.lanes[lane as usize].to);
                        drives.push(Drive::empty(from, to, depart_s, arrive));
                        at = to as usize;
                    }
                }
            }
        }
        let closures = events
            .iter()
            .filter_map(|event| match *event {
                Disruption::HubClosed { hub, from_s, to_s } => {
                    Some(Closure { hub: Some(hub as usize), from: from_s, to: to_s })
                }
                Disruption::LaneClosed { .. }
                | Disruption::TruckLost { .. }
                | Disruption::Surge { .. } => None,
            })
            .collect();
        let place = |hub: &rv_model::linehaul::Hub| Place {
            name: hub.name.clone(),
            x: hub.x_m,
            y: hub.y_m,
        };
        Ok(Self {
            hubs: week.hubs.iter().map(place).collect(),
            drives,
            charges,
            closures,
            unit: "kg",
            clock: ClockFace::Week,
            marked: None,
        })
    }

    /// A timed instance's plan. It has no places: its nodes stand on a circle.
    pub(super) fn of_timed(design: &NetworkDesign, plan: &TimedPlan) -> Self {
        let mut freight = vec![0.0; plan.dispatches.len()];
        for (com, rides) in design.commodities().iter().zip(&plan.itineraries) {
            for &d in rides {
                if let Some(sum) = freight.get_mut(d as usize) {
                    *sum += com.size;
                }
            }
        }
        let drives = plan.dispatches.iter().zip(&freight).filter_map(|(row, &freight)| {
            let arc = design.arcs().get(row.arc as usize)?;
            let arrive = row.depart + arc.travel;
            Some(Drive {
                from: arc.tail as usize,
                to: arc.head as usize,
                load: row.depart,
                depart: row.depart,
                arrive,
                unloaded: arrive,
                n_trucks: row.n_trucks,
                freight,
                room: arc.capacity * f64::from(row.n_trucks),
            })
        });
        Self::on_circle(design.n_nodes(), drives.collect(), ClockFace::Bare)
    }

    /// A static instance's plan: one drive for each arc in use, at no moment.
    pub(super) fn of_static(design: &NetworkDesign, plan: &StaticPlan) -> Self {
        let mut freight = vec![0.0; design.arcs().len()];
        for flow in &plan.flows {
            for &a in &flow.arcs {
                if let Some(sum) = freight.get_mut(a as usize) {
                    *sum += flow.amount;
                }
            }
        }
        let used = design.arcs().iter().zip(&freight).filter(|(_, freight)| **freight > 0.0);
        let drives = used.map(|(arc, &freight)| Drive {
            freight,
            room: arc.capacity,
            ..Drive::empty(arc.tail, arc.head, 0.0, 0.0)
        });
        Self::on_circle(design.n_nodes(), drives.collect(), ClockFace::None)
    }

    fn on_circle(n: usize, drives: Vec<Drive>, clock: ClockFace) -> Self {
        let turn = std::f64::consts::TAU / n as f64;
        let place = |i: usize| Place {
            name: format!("{}", i + 1),
            x: (turn * i as f64).sin(),
            y: (turn * i as f64).cos(),
        };
        Self {
            hubs: (0..n).map(place).collect(),
            drives,
            charges: Vec::new(),
            closures: Vec::new(),
            unit: "units",
            clock,
            marked: None,
        }
    }

    /// Lets the way of a commodity stand out; false if no commodity of the week has the key.
    pub(super) fn mark(&mut self, week: &Week, plan: &WeekPlan, key: &str) -> bool {
        let Some(k) = week.commodities.iter().position(|com| com.key == key) else { return false };
        let (com, rides) = (&week.commodities[k], plan.itineraries.get(k));
        self.marked = Some(Marked {
            key: key.to_owned(),
            origin: com.origin as usize,
            release: com.release_s,
            due: com.due_s,
            drives: rides.into_iter().flatten().map(|&d| d as usize).collect(),
        });
        true
    }

    /// True if the plan has moments.
    pub(super) fn has_times(&self) -> bool {
        self.clock != ClockFace::None
    }

    fn marked_drives(&self) -> &[usize] {
        self.marked.as_ref().map_or(&[], |marked| &marked.drives)
    }

    /// Freight loaded and unloaded at each hub.
    fn handled(&self) -> Vec<f64> {
        let mut sum = vec![0.0; self.hubs.len()];
        for drive in &self.drives {
            sum[drive.from] += drive.freight;
            sum[drive.to] += drive.freight;
        }
        sum
    }
}

impl Drive {
    fn empty(from: u32, to: u32, depart: f64, arrive: f64) -> Self {
        Self {
            from: from as usize,
            to: to as usize,
            load: depart,
            depart,
            arrive,
            unloaded: arrive,
            n_trucks: 1,
            freight: 0.0,
            room: 0.0,
        }
    }

    fn fill(&self) -> f64 {
        if self.room > 0.0 { (self.freight / self.room).clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// Colour of a drive by how full it is: from light to dark blue.
fn fill_colour(share: f64) -> String {
    let mix = |from: f64, to: f64| (from + (to - from) * share.clamp(0.0, 1.0)).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mix(147.0, 23.0), mix(197.0, 37.0), mix(253.0, 130.0))
}

/// An amount, short: `18 t`, `740 kg`, `12 units`.
fn amount(value: f64, unit: &str) -> String {
    if unit == "kg" && value >= 10_000.0 {
        format!("{:.0} t", value / 1000.0)
    } else if unit == "kg" && value >= 1000.0 {
        format!("{:.1} t", value / 1000.0)
    } else {
        format!("{value:.0} {unit}")
    }
}

/// A moment as people read it.
fn moment(value: f64, clock: ClockFace) -> String {
    if clock != ClockFace::Week {
        return format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let minutes = (value / 60.0).round() as i64;
    let day = minutes.div_euclid(24 * 60);
    let (hour, minute) = (minutes.rem_euclid(24 * 60) / 60, minutes.rem_euclid(60));
    format!("{} {hour:02}:{minute:02}", day_name(day))
}

fn day_name(day: i64) -> String {
    const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let name = NAMES[day.rem_euclid(7) as usize];
    if (0..7).contains(&day) { name.to_owned() } else { format!("{name} +{}", day.div_euclid(7)) }
}

/// Text as it may stand in SVG.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Control characters may not stand in XML at all.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn begin_svg(width: f64, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    )
}

fn text(svg: &mut String, (x, y): (f64, f64), size: f64, style: &str, what: &str) {
    let what = escaped(what);
    let _ =
        writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" {style}>{what}</text>");
}

#[cfg(test)]
mod tests {
    use rv_base::Rng;
    use rv_linehaul::{Budget, Effort, read_dow, solve_static, solve_timed, solve_week};

    use super::*;

    const EXAMPLE: &str = include_str!("../../../../../docs/linehaul-example.json");

    fn example() -> (Week, WeekPlan) {
        let mut week: Week = serde_json::from_str(EXAMPLE).unwrap();
        week.hubs[0].name = "Al<b>&a".into();
        let (budget, rng) = (Budget::steps(300), Rng::from_seed(1));
        let found = solve_week(&week, Effort::Search, &budget, &rng, &mut |_, _| {}).unwrap();
        (week, found.plan)
    }

    fn n_of(svg: &str, what: &str) -> usize {
        svg.matches(what).count()
    }

    #[test]
    fn every_drive_and_hub_of_a_week_is_drawn() {
        let (week, plan) = example();
        let closed = Disruption::HubClosed { hub: 1, from_s: 3600.0, to_s: 7200.0 };
        let mut scene = Scene::of_week(&week, &[closed], &plan).unwrap();
        assert!(scene.mark(&week, &plan, "post A-C") && !scene.mark(&week, &plan, "nothing"));
        let n_empty = scene.drives.iter().filter(|drive| drive.freight == 0.0).count();
        let (time, map) = (draw_time(&scene), draw_map(&scene));
        // One line for every drive and one in the legend; one for the marked way.
        assert_eq!(n_of(&time, "stroke-linecap"), plan.departures.len() + n_empty);
        assert_eq!(n_of(&time, "stroke=\"#c026d3\""), 2);
        assert_eq!(n_of(&time, "<title>closed"), 1);
        assert_eq!(n_of(&map, "<circle"), week.hubs.len());
        for svg in [time, map] {
            assert!(svg.contains("Al&lt;b&gt;&amp;a") && !svg.contains("<b>"));
            assert_eq!(n_of(&svg, "<title>"), n_of(&svg, "</title>"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn plans_without_places_or_moments_are_drawn_as_far_as_they_go() {
        let (rng, budget) = (Rng::from_seed(1), Budget::steps(50));
        let timed = read_dow("t\n3 2 1\n1 2 1 10 50 2\n2 3 1 10 50 2\n1 3 4 0 7\n").unwrap();
        let plan = solve_timed(&timed, &budget, 1, &rng, &mut |_, _| {}).plan;
        let scene = Scene::of_timed(&timed, &plan);
        assert_eq!(n_of(&draw_time(&scene), "stroke-linecap"), 2);
        assert_eq!(n_of(&draw_map(&scene), "<circle"), 3);
        let fixed = read_dow("s\n3 2 1\n1 2 1 10 50\n2 3 1 10 50\n1 3 4\n").unwrap();
        let plan = solve_static(&fixed, &budget, 1, &rng, &mut |_, _| {}).plan;
        let scene = Scene::of_static(&fixed, &plan);
        assert!(!scene.has_times() && draw_map(&scene).contains("4 units of 10 units"));
        // A plan that does nothing has a picture too.
        let scene = Scene::of_timed(&timed, &TimedPlan::default());
        assert!(!draw_time(&scene).contains("NaN") && !draw_map(&scene).contains("NaN"));
    }

    #[test]
    fn moments_are_read_as_days_and_hours() {
        assert_eq!(moment(3600.0 * 26.5, ClockFace::Week), "Tue 02:30");
        assert_eq!(moment(3600.0 * 24.0 * 7.0, ClockFace::Week), "Mon +1 00:00");
        assert_eq!(moment(2.50, ClockFace::Bare), "2.5");
        assert_eq!((amount(740.0, "kg"), amount(18_200.0, "kg")), ("740 kg".into(), "18 t".into()));
    }
}
