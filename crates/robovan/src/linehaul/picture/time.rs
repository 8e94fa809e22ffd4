//! Space-time diagram: time to the right, hubs below each other, a line for every drive.

use std::fmt::Write as _;

use super::{
    ClockFace, Drive, Scene, amount, begin_svg, day_name, escaped, fill_colour, moment, text,
};

const LEFT_PX: f64 = 150.0;
const RIGHT_PX: f64 = 30.0;
const TOP_PX: f64 = 76.0;
const BOTTOM_PX: f64 = 40.0;
/// Width of an hour of a long week, and what a picture has at least and at most.
const HOUR_PX: f64 = 14.0;
const WIDTH_PX: (f64, f64) = (900.0, 2600.0);
/// Rows take what fits into this, within limits.
const ROWS_PX: f64 = 900.0;
const ROW_PX: (f64, f64) = (15.0, 130.0);
/// Up to so many rows drives are lettered.
const LETTERED_ROWS_MAX: usize = 12;
/// Passes of swaps that bring hubs together which exchange drives.
const PASSES_MAX: usize = 60;

/// Draws the diagram.
pub(in super::super) fn draw(scene: &Scene) -> String {
    let rows = order(scene);
    let mut row_of = vec![0; rows.len()];
    for (row, &hub) in rows.iter().enumerate() {
        row_of[hub] = row;
    }
    let (first, last) = span(scene);
    let hours = (last - first) / if scene.clock == ClockFace::Week { 3600.0 } else { 1.0 };
    let inner_px = (hours * HOUR_PX).clamp(WIDTH_PX.0, WIDTH_PX.1) - LEFT_PX - RIGHT_PX;
    let row_px = (ROWS_PX / rows.len() as f64).clamp(ROW_PX.0, ROW_PX.1);
    let view = View {
        scene,
        row_of,
        x: Box::new(move |t| LEFT_PX + (t - first) / (last - first) * inner_px),
        row_px,
        right_px: LEFT_PX + inner_px,
        bottom_px: TOP_PX + row_px * rows.len() as f64,
        is_lettered: rows.len() <= LETTERED_ROWS_MAX,
    };
    let mut svg = begin_svg(view.right_px + RIGHT_PX, view.bottom_px + BOTTOM_PX);
    view.grid(&mut svg, (first, last));
    view.hubs(&mut svg, &rows);
    view.drives(&mut svg);
    view.marked(&mut svg);
    view.legend(&mut svg);
    svg + "</svg>\n"
}

struct View<'a> {
    scene: &'a Scene,
    row_of: Vec<usize>,
    x: Box<dyn Fn(f64) -> f64>,
    row_px: f64,
    right_px: f64,
    bottom_px: f64,
    is_lettered: bool,
}

impl View<'_> {
    fn y(&self, hub: usize) -> f64 {
        TOP_PX + (self.row_of[hub] as f64 + 0.5) * self.row_px
    }

    fn x(&self, t: f64) -> f64 {
        (self.x)(t)
    }

    fn grid(&self, svg: &mut String, (first, last): (f64, f64)) {
        let (step, strong) = steps(last - first, self.scene.clock);
        let from = (first / step).ceil() as i64;
        for i in from..=(last / step).floor() as i64 {
            let t = i as f64 * step;
            let x = self.x(t);
            let is_strong = (t / strong).fract().abs() < 1e-9;
            let colour = if is_strong { "#9ca3af" } else { "#e5e7eb" };
            let _ = writeln!(
                svg,
                "<path d=\"M{x:.1} {TOP_PX}V{:.1}\" stroke=\"{colour}\" stroke-width=\"1\"/>",
                self.bottom_px
            );
            let label = match self.scene.clock {
                ClockFace::Week if is_strong => day_name((t / 86_400.0).round() as i64),
                ClockFace::Week => format!("{:02}h", ((t / 3600.0).round() as i64).rem_euclid(24)),
                ClockFace::Bare | ClockFace::None => moment(t, ClockFace::Bare),
            };
            let style = if is_strong {
                "fill=\"#111827\" text-anchor=\"middle\" font-weight=\"bold\""
            } else {
                "fill=\"#6b7280\" text-anchor=\"middle\""
            };
            text(svg, (x, TOP_PX - 8.0), 11.0, style, &label);
        }
    }

    fn hubs(&self, svg: &mut String, rows: &[usize]) {
        for closure in &self.scene.closures {
            let Some(hub) = closure.hub else { continue };
            let (from, to) = (self.x(closure.from).max(LEFT_PX), self.x(closure.to));
            let _ = writeln!(
                svg,
                "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" \
                 fill=\"#fecaca\"><title>closed</title></rect>",
                self.y(hub) - self.row_px * 0.5,
                (to.min(self.right_px) - from).max(1.0),
                self.row_px
            );
        }
        let size = (self.row_px * 0.75).clamp(9.0, 14.0);
        for &hub in rows {
            let y = self.y(hub);
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT_PX} {y:.1}H{:.1}\" stroke=\"#d1d5db\" stroke-width=\"1\"/>",
                self.right_px
            );
            let style = "text-anchor=\"end\" fill=\"#111827\"";
            text(
                svg,
                (LEFT_PX - 8.0, y + size * 0.35),
                size,
                style,
                &short(&self.scene.hubs[hub].name),
            );
        }
        let thick = (self.row_px * 0.3).clamp(2.0, 5.0);
        for stay in &self.scene.charges {
            let title = format!("charges {} to {}", self.moment(stay.from), self.moment(stay.to));
            self.bar(svg, (stay.hub, thick + 1.0), (stay.from, stay.to), thick, "#16a34a", &title);
        }
        for drive in self.scene.drives.iter().filter(|d| d.freight > 0.0) {
            let title = self.title(drive);
            let docks = [
                (drive.from, drive.load, drive.depart),
                (drive.to, drive.unloaded - (drive.depart - drive.load), drive.unloaded),
            ];
            for (hub, from, to) in docks {
                if to > from {
                    let from = from.max(if hub == drive.to { drive.arrive } else { from });
                    self.bar(svg, (hub, 0.0), (from, to), thick, "#f59e0b", &title);
                }
            }
        }
    }

    fn bar(
        &self,
        svg: &mut String,
        (hub, below_px): (usize, f64),
        (from, to): (f64, f64),
        thick: f64,
        colour: &str,
        title: &str,
    ) {
        let _ = writeln!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{thick:.1}\" \
             fill=\"{colour}\" fill-opacity=\"0.75\"><title>{}</title></rect>",
            self.x(from),
            self.y(hub) - thick / 2.0 + below_px,
            (self.x(to) - self.x(from)).max(0.6),
            escaped(title)
        );
    }

    fn drives(&self, svg: &mut String) {
        let n = self.scene.drives.len() as f64;
        // Many lines are thin and let others shine through.
        let (width, opacity) =
            if self.is_lettered { (2.5, 1.0) } else { (1.1, (600.0 / n).clamp(0.35, 0.9)) };
        let is_faded = self.scene.marked.is_some();
        let opacity = if is_faded { opacity * 0.4 } else { opacity };
        for drive in &self.scene.drives {
            let is_loaded = drive.freight > 0.0;
            let style = if is_loaded {
                format!("stroke=\"{}\"", fill_colour(drive.fill()))
            } else {
                "stroke=\"#dc2626\" stroke-dasharray=\"5 4\"".to_owned()
            };
            let width = width * if is_loaded { f64::from(drive.n_trucks).sqrt() } else { 0.8 };
            self.line(svg, drive, &style, width, opacity);
            if self.is_lettered && is_loaded {
                self.letter(svg, drive);
            }
        }
    }

    fn line(&self, svg: &mut String, drive: &Drive, style: &str, width: f64, opacity: f64) {
        let _ = writeln!(
            svg,
            "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" {style} stroke-width=\"{width:.1}\" \
             stroke-opacity=\"{opacity:.2}\" fill=\"none\" stroke-linecap=\"round\"><title>{}\
             </title></path>",
            self.x(drive.depart),
            self.y(drive.from),
            self.x(drive.arrive),
            self.y(drive.to),
            escaped(&self.title(drive))
        );
    }

    /// What rides, beside its line, away from the middle, where rows may lie.
    fn letter(&self, svg: &mut String, drive: &Drive) {
        let part = |from: f64, to: f64| from + 0.4 * (to - from);
        let (x, y) = (
            part(self.x(drive.depart), self.x(drive.arrive)),
            part(self.y(drive.from), self.y(drive.to)),
        );
        let trucks =
            if drive.n_trucks > 1 { format!("{} × ", drive.n_trucks) } else { String::new() };
        let what = format!("{trucks}{}", amount(drive.freight, self.scene.unit));
        let style = "fill=\"#1f2937\" paint-order=\"stroke\" stroke=\"#fff\" stroke-width=\"3\"";
        text(svg, (x + 6.0, y + 4.0), 11.0, style, &what);
    }

    /// The way of one commodity, on top of everything.
    fn marked(&self, svg: &mut String) {
        let Some(marked) = &self.scene.marked else { return };
        let mut at = (marked.origin, marked.release);
        let mut path = format!("M{:.1} {:.1}", self.x(at.1), self.y(at.0));
        for drive in marked.drives.iter().filter_map(|&d| self.scene.drives.get(d)) {
            let _ = write!(path, "H{:.1}", self.x(drive.depart));
            let _ = write!(path, "L{:.1} {:.1}", self.x(drive.arrive), self.y(drive.to));
            let _ = write!(path, "H{:.1}", self.x(drive.unloaded));
            at = (drive.to, drive.unloaded);
        }
        let title = escaped(&format!(
            "{}: ready {}, there {}, due {}",
            marked.key,
            self.moment(marked.release),
            self.moment(at.1),
            self.moment(marked.due)
        ));
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" stroke=\"#c026d3\" stroke-width=\"4\" fill=\"none\" \
             stroke-linejoin=\"round\"><title>{title}</title></path>\n\
             <circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\" fill=\"#c026d3\"/>",
            self.x(at.1),
            self.y(at.0)
        );
    }

    fn legend(&self, svg: &mut String) {
        let mut x = LEFT_PX;
        let mut item = |svg: &mut String, style: &str, what: &str| {
            let _ = writeln!(svg, "<path d=\"M{x:.1} 24h26\" {style} stroke-width=\"4\"/>");
            text(svg, (x + 32.0, 28.0), 12.0, "fill=\"#374151\"", what);
            x += 52.0 + what.chars().count() as f64 * 6.6;
        };
        let colour = |share: f64| format!("stroke=\"{}\"", fill_colour(share));
        item(svg, &colour(0.1), "nearly empty");
        item(svg, &colour(1.0), "full");
        if self.scene.drives.iter().any(|d| d.freight <= 0.0) {
            item(svg, "stroke=\"#dc2626\" stroke-dasharray=\"5 4\"", "without freight");
        }
        if self.scene.drives.iter().any(|d| d.depart > d.load) {
            item(svg, "stroke=\"#f59e0b\"", "at a dock");
        }
        if !self.scene.charges.is_empty() {
            item(svg, "stroke=\"#16a34a\"", "charging");
        }
        if !self.scene.closures.is_empty() {
            item(svg, "stroke=\"#fecaca\"", "closed");
        }
        if let Some(marked) = &self.scene.marked {
            item(svg, "stroke=\"#c026d3\"", &short(&marked.key));
        }
    }

    fn title(&self, drive: &Drive) -> String {
        let hubs = &self.scene.hubs;
        let way = format!("{} to {}", hubs[drive.from].name, hubs[drive.to].name);
        let when = format!("{} to {}", self.moment(drive.depart), self.moment(drive.arrive));
        if drive.freight <= 0.0 {
            return format!("{way}, {when}, without freight");
        }
        format!(
            "{way}, {when}, {} truck(s), {} of {}",
            drive.n_trucks,
            amount(drive.freight, self.scene.unit),
            amount(drive.room, self.scene.unit)
        )
    }

    fn moment(&self, t: f64) -> String {
        moment(t, self.scene.clock)
    }
}

/// Hubs from top to bottom: along the direction in which they spread most, then swapped while that
/// shortens the drives between rows.
fn order(scene: &Scene) -> Vec<usize> {
    let n = scene.hubs.len();
    let (mean_x, mean_y) = scene
        .hubs
        .iter()
        .fold((0.0, 0.0), |(x, y), hub| (x + hub.x / n as f64, y + hub.y / n as f64));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for hub in &scene.hubs {
        let (x, y) = (hub.x - mean_x, hub.y - mean_y);
        (xx, xy, yy) = (xx + x * x, xy + x * y, yy + y * y);
    }
    let angle = 0.5 * (2.0 * xy).atan2(xx - yy);
    let along = |hub: usize| {
        (scene.hubs[hub].x - mean_x) * angle.cos() + (scene.hubs[hub].y - mean_y) * angle.sin()
    };
    let mut rows: Vec<usize> = (0..n).collect();
    if scene.clock == ClockFace::Week {
        rows.sort_by(|&a, &b| along(a).total_cmp(&along(b)).then(a.cmp(&b)));
    }
    let mut partners = vec![Vec::new(); n];
    for drive in &scene.drives {
        partners[drive.from].push(drive.to);
        partners[drive.to].push(drive.from);
    }
    let mut row_of = vec![0_i64; n];
    for (row, &hub) in rows.iter().enumerate() {
        row_of[hub] = row as i64;
    }
    for _ in 0..PASSES_MAX {
        let mut has_changed = false;
        for row in 1..n {
            let (a, b) = (rows[row - 1], rows[row]);
            let pull = |hub: usize, other: usize, by: i64| -> i64 {
                let rest = partners[hub].iter().filter(|&&p| p != other);
                rest.map(|&p| {
                    (row_of[hub] + by - row_of[p]).abs() - (row_of[hub] - row_of[p]).abs()
                })
                .sum()
            };
            if pull(a, b, 1) + pull(b, a, -1) < 0 {
                rows.swap(row - 1, row);
                (row_of[a], row_of[b]) = (row as i64, row as i64 - 1);
                has_changed = true;
            }
        }
        if !has_changed {
            break;
        }
    }
    rows
}

/// First and last moment of the picture.
fn span(scene: &Scene) -> (f64, f64) {
    let drives = scene.drives.iter().map(|d| (d.load, d.unloaded));
    let charges = scene.charges.iter().map(|c| (c.from, c.to));
    let (first, last) = drives
        .chain(charges)
        .chain(scene.marked.iter().map(|m| (m.release, m.release)))
        .filter(|(from, to)| from.is_finite() && to.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), (from, to)| (a.min(from), b.max(to)));
    if first > last {
        return (0.0, if scene.clock == ClockFace::Week { 86_400.0 } else { 1.0 });
    }
    let step = steps((last - first).max(1e-9), scene.clock).0;
    ((first / step).floor() * step, ((last / step).floor() + 1.0) * step)
}

/// Distance of thin and of strong lines of the grid.
fn steps(length: f64, clock: ClockFace) -> (f64, f64) {
    if clock == ClockFace::Week {
        let hours = length / 3600.0;
        let step = match hours {
            h if h <= 30.0 => 1.0,
            h if h <= 100.0 => 3.0,
            h if h <= 400.0 => 6.0,
            _ => 24.0,
        };
        return (step * 3600.0, 86_400.0);
    }
    let magnitude = 10_f64.powf((length / 8.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|m| m * magnitude)
        .find(|step| length / step <= 12.0)
        .unwrap_or(10.0 * magnitude);
    (step, f64::INFINITY)
}

fn short(name: &str) -> String {
    const CHARS_MAX: usize = 20;
    if name.chars().count() <= CHARS_MAX {
        return name.to_owned();
    }
    name.chars().take(CHARS_MAX - 1).chain(['…']).collect()
}
