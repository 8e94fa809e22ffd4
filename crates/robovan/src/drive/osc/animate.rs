//! A scenario as an animated page and as a strip of pictures.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rv_import::openscenario::{EntityKind, Scenario};
use rv_sim::openscenario::trace::{Moment, Trace};
use rv_sim::openscenario::{Pose, Roads, outline};

use crate::output::HintExt;

/// Most moments of an animation.
const MOMENTS_MAX: usize = 1500;
/// Moments of a strip.
const STRIP: usize = 5;
/// Half the width of a picture of a strip, m.
const VIEW_M: f64 = 45.0;

/// Writes NAME.html (animated) and NAME.svg (a strip).
pub(super) fn write(
    dir: &Path,
    name: &str,
    scenario: &Scenario,
    trace: &Trace,
    roads: &Roads,
    marks: &[(f64, String)],
) -> anyhow::Result<()> {
    let hint = "choose a place that can be written";
    fs::create_dir_all(dir).hint(format!("cannot create {}", dir.display()), hint)?;
    let page = dir.join(format!("{name}.html"));
    let text = html(name, scenario, trace, roads, marks);
    fs::write(&page, text).hint(format!("cannot write {}", page.display()), hint)?;
    let strip = dir.join(format!("{name}.svg"));
    fs::write(&strip, svg(scenario, trace, roads))
        .hint(format!("cannot write {}", strip.display()), hint)
}

/// The one to look at: named ego, or the first.
fn watched(trace: &Trace) -> usize {
    trace.movers.iter().position(|(name, _)| name.eq_ignore_ascii_case("ego")).unwrap_or(0)
}

fn colour(scenario: &Scenario, idx: usize, ego: usize) -> &'static str {
    if idx == ego {
        return "#c8322b";
    }
    match scenario.entities[idx].kind {
        EntityKind::Vehicle => "#2f5f9e",
        EntityKind::Pedestrian => "#b8860b",
        EntityKind::Thing => "#666",
    }
}

/// Lines of the road near a place: borders of lanes, as polylines.
fn lines(roads: &Roads, around: &[rv_base::Point2]) -> Vec<Vec<(f64, f64)>> {
    let near = |x: f64, y: f64| {
        around.iter().any(|p| (p.x_m - x).abs() < 150.0 && (p.y_m - y).abs() < 150.0)
    };
    let mut lines = Vec::new();
    for idx in 0..roads.len() {
        let road = roads.road(idx);
        for lane in road.lane_ids(0.0).into_iter().chain([0]) {
            let n = (road.length_m() / 5.0).ceil().clamp(1.0, 4000.0) as usize;
            let mut line = Vec::new();
            for i in 0..=n {
                let s = road.length_m() * i as f64 / n as f64;
                let Some((_, outer)) = road.lane_borders_m(s, lane) else { continue };
                let p = road.point(s, outer);
                if near(p.x_m, p.y_m) {
                    line.push((p.x_m, p.y_m));
                } else if line.len() > 1 {
                    lines.push(std::mem::take(&mut line));
                } else {
                    line.clear();
                }
            }
            if line.len() > 1 {
                lines.push(line);
            }
        }
    }
    lines
}

fn svg(scenario: &Scenario, trace: &Trace, roads: &Roads) -> String {
    let ego = watched(trace);
    let (width, height) = (900.0, 220.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{}\" font-family=\"sans-serif\" font-size=\"13\">\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
        height * STRIP as f64
    );
    let last = trace.times_s.len().saturating_sub(1);
    for i in 0..STRIP {
        let at = last * (i + 1) / STRIP;
        let Some(Some(me)) = trace.movers.get(ego).and_then(|m| m.1.get(at)) else { continue };
        let scale = width / (2.0 * VIEW_M);
        let top = height * i as f64;
        let x = |p: f64| (p - me.at.x_m) * scale + width / 2.0;
        let y = |p: f64| top + height / 2.0 - (p - me.at.y_m) * scale;
        let _ = write!(
            out,
            "<svg y=\"{top}\" width=\"{width}\" height=\"{height}\" viewBox=\"0 {top} {width} {height}\">\
             <rect y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"#e9ebe6\" stroke=\"#fff\" stroke-width=\"3\"/>"
        );
        for line in lines(roads, &[me.at]) {
            let points: Vec<String> =
                line.iter().map(|(px, py)| format!("{:.1},{:.1}", x(*px), y(*py))).collect();
            let _ = write!(
                out,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"#9aa0a6\"/>",
                points.join(" ")
            );
        }
        for (idx, (_, moments)) in trace.movers.iter().enumerate() {
            let Some(Some(m)) = moments.get(at) else { continue };
            let (pose, half) = boxed(scenario, idx, m);
            let corners: Vec<String> = [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)]
                .iter()
                .map(|(l, w)| {
                    let p = pose.point(l * half.0, w * half.1);
                    format!("{:.1},{:.1}", x(p.x_m), y(p.y_m))
                })
                .collect();
            let _ = write!(
                out,
                "<polygon points=\"{}\" fill=\"{}\"/>",
                corners.join(" "),
                colour(scenario, idx, ego)
            );
        }
        let _ = write!(
            out,
            "<text x=\"10\" y=\"{}\">{:.1} s, {:.0} km/h</text></svg>",
            top + 20.0,
            trace.times_s[at],
            me.speed_mps * 3.6
        );
    }
    out + "</svg>\n"
}

fn boxed(scenario: &Scenario, idx: usize, m: &Moment) -> (Pose, (f64, f64)) {
    let entity = &scenario.entities[idx];
    let pose = Pose { at: m.at, heading_rad: m.heading_rad };
    (outline(entity, &pose), (entity.length_m / 2.0, entity.width_m / 2.0))
}

fn html(
    name: &str,
    scenario: &Scenario,
    trace: &Trace,
    roads: &Roads,
    marks: &[(f64, String)],
) -> String {
    let ego = watched(trace);
    let step = trace.times_s.len().div_ceil(MOMENTS_MAX).max(1);
    let way: Vec<rv_base::Point2> = trace
        .movers
        .get(ego)
        .into_iter()
        .flat_map(|m| m.1.iter().step_by(100))
        .flatten()
        .map(|m| m.at)
        .collect();
    let movers: Vec<serde_json::Value> = trace
        .movers
        .iter()
        .enumerate()
        .map(|(idx, (name, moments))| {
            let states: Vec<serde_json::Value> = moments
                .iter()
                .step_by(step)
                .map(|moment| match moment {
                    Some(m) => {
                        let (pose, _) = boxed(scenario, idx, m);
                        let r = |v: f64| (v * 1000.0).round() / 1000.0;
                        serde_json::json!([
                            r(pose.at.x_m),
                            r(pose.at.y_m),
                            r(pose.heading_rad),
                            r(m.speed_mps)
                        ])
                    }
                    None => serde_json::Value::Null,
                })
                .collect();
            let entity = &scenario.entities[idx];
            serde_json::json!({"name": name, "l": entity.length_m, "w": entity.width_m,
                "c": colour(scenario, idx, ego), "s": states})
        })
        .collect();
    let times: Vec<f64> =
        trace.times_s.iter().step_by(step).map(|t| (t * 1000.0).round() / 1000.0).collect();
    let data = serde_json::json!({"ego": ego, "t": times, "m": movers, "lines": lines(roads, &way), "why": marks});
    format!(
        "<!doctype html><meta charset=\"utf-8\"><title>{title}</title>\
         <style>body{{font:14px sans-serif;margin:16px;background:#fff;color:#222}}canvas{{background:#e9ebe6;width:100%;max-width:1100px}}input{{width:100%;max-width:1100px}}</style>\
         <h1>{title}</h1><p>{description}</p><canvas id=\"c\" width=\"1100\" height=\"420\"></canvas><br>\
         <input id=\"r\" type=\"range\" min=\"0\" value=\"0\"><p id=\"p\"></p>\
         <p>Red: the vehicle under test. Drag the bar, or click the picture to stop and go.</p>\
         <script>const D={data};{script}</script>",
        title = escape(name),
        description = escape(&scenario.description),
        data = data.to_string().replace("</", "<\\/"),
        script = SCRIPT,
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const SCRIPT: &str = "const c=document.getElementById('c'),g=c.getContext('2d'),r=document.getElementById('r'),p=document.getElementById('p');\
r.max=D.t.length-1;let go=true;c.onclick=()=>go=!go;\
function draw(i){const e=D.m[D.ego].s[i]||D.m[0].s[i];if(!e)return;const k=10;g.setTransform(1,0,0,1,0,0);g.clearRect(0,0,1100,420);\
g.setTransform(k,0,0,-k,550-k*e[0],210+k*e[1]);g.lineWidth=0.12;g.strokeStyle='#9aa0a6';\
for(const l of D.lines){g.beginPath();l.forEach((q,j)=>j?g.lineTo(q[0],q[1]):g.moveTo(q[0],q[1]));g.stroke();}\
for(const m of D.m){const s=m.s[i];if(!s)continue;g.save();g.translate(s[0],s[1]);g.rotate(s[2]);g.fillStyle=m.c;g.fillRect(-m.l/2,-m.w/2,m.l,m.w);g.fillStyle='#fff';g.fillRect(m.l/2-0.5,-m.w/2+0.2,0.25,m.w-0.4);g.restore();}\
let w='';for(const q of D.why)if(q[0]<=D.t[i])w=q[1];\
p.textContent=D.t[i].toFixed(2)+' s, '+(e[3]*3.6).toFixed(1)+' km/h. '+w;}\
let last=0;function tick(n){if(go&&n-last>50){last=n;r.value=(+r.value+1)%D.t.length;draw(+r.value);}requestAnimationFrame(tick);}\
r.oninput=()=>{go=false;draw(+r.value);};draw(0);requestAnimationFrame(tick);";
