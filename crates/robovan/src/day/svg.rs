//! Small plots as inline SVG.

use std::fmt::Write as _;

/// Size of a plot, in its own units.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 24.0;
const TOP: f64 = 10.0;
const RIGHT: f64 = 12.0;

/// Colours of the series, in order; told apart also by those who see no red or green.
const COLOURS: [&str; 5] = ["#0b6e99", "#e07a1f", "#6a4c93", "#3f8f4f", "#b8336a"];

/// A named line.
pub(crate) struct Series<'a> {
    pub(crate) name: &'a str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Lines over the hours of the day; `y_max` fixes the top of the scale.
pub(crate) fn lines(series: &[Series<'_>], y_max: Option<f64>, unit: &str) -> String {
    let all = || series.iter().flat_map(|s| &s.points);
    let x_min = all().map(|p| p.0).fold(f64::INFINITY, f64::min);
    let x_max = all().map(|p| p.0).fold(f64::NEG_INFINITY, f64::max);
    if x_min >= x_max {
        return "<p>Too short a day to plot.</p>".to_owned();
    }
    let top = y_max.unwrap_or_else(|| nice(all().map(|p| p.1).fold(0.0, f64::max)));
    let x = |v: f64| LEFT + (v - x_min) / (x_max - x_min) * (WIDTH - LEFT - RIGHT);
    let y = |v: f64| HEIGHT - BOTTOM - v / top * (HEIGHT - BOTTOM - TOP);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
    for step in 0..=4 {
        let value = top * f64::from(step) / 4.0;
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {0:.1}H{1}\"/><text x=\"{2}\" y=\"{3:.1}\" \
             text-anchor=\"end\">{4}</text>",
            y(value),
            WIDTH - RIGHT,
            LEFT - 6.0,
            y(value) + 4.0,
            label(value, unit)
        );
    }
    let mut hour = x_min.ceil();
    while hour <= x_max {
        if hour as i64 % 2 == 0 {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{:02}:00</text>",
                x(hour),
                HEIGHT - 6.0,
                hour as i64 % 24
            );
        }
        hour += 1.0;
    }
    for (one, colour) in series.iter().zip(COLOURS.iter().cycle()) {
        let mut path = String::new();
        for (idx, (px, py)) in one.points.iter().enumerate() {
            let sign = if idx == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{sign}{:.1} {:.1}", x(*px), y(py.clamp(0.0, top)));
        }
        let _ = write!(svg, "<path class=\"line\" stroke=\"{colour}\" d=\"{path}\"/>");
    }
    svg.push_str("</svg><p class=\"legend\">");
    for (one, colour) in series.iter().zip(COLOURS.iter().cycle()) {
        let _ = write!(svg, "<span><i style=\"background:{colour}\"></i>{}</span>", one.name);
    }
    svg.push_str("</p>");
    svg
}

/// Bars of counts.
pub(crate) fn bars(counts: &[u64], labels: &[String]) -> String {
    let top = nice(counts.iter().copied().max().unwrap_or(0) as f64);
    let width = (WIDTH - LEFT - RIGHT) / counts.len().max(1) as f64;
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
    for step in 0..=2 {
        let value = top * f64::from(step) / 2.0;
        let y = HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP);
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{}\"/><text x=\"{}\" y=\"{:.1}\" \
             text-anchor=\"end\">{value:.0}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y + 4.0
        );
    }
    for (idx, (count, text)) in counts.iter().zip(labels).enumerate() {
        let x = LEFT + width * idx as f64;
        let height = *count as f64 / top * (HEIGHT - BOTTOM - TOP);
        let _ = write!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{}\"/>\
             <text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
            x + width * 0.1,
            HEIGHT - BOTTOM - height,
            width * 0.8,
            COLOURS[0],
            x + width / 2.0,
            HEIGHT - 6.0
        );
    }
    svg.push_str("</svg>");
    svg
}

/// The next round number, at least 1.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1.0).log10().floor());
    [1.0, 2.0, 4.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|round| *round >= value)
        .unwrap_or(10.0 * power)
}

fn label(value: f64, unit: &str) -> String {
    if unit == "%" { format!("{:.0} %", value * 100.0) } else { format!("{value:.0}{unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_on_round_numbers() {
        for (value, round) in [(0.0, 1.0), (3.0, 4.0), (17.0, 20.0), (100.0, 100.0), (460.0, 500.0)]
        {
            assert_eq!(nice(value), round);
        }
    }

    #[test]
    fn a_plot_holds_every_series() {
        let series = [
            Series { name: "a", points: vec![(6.0, 0.0), (7.0, 5.0)] },
            Series { name: "b", points: vec![(6.0, 1.0), (7.0, 2.0)] },
        ];
        let svg = lines(&series, None, "");
        assert_eq!(svg.matches("class=\"line\"").count(), 2);
        assert!(!svg.contains("NaN") && svg.contains("06:00"));
        assert!(lines(&[], None, "").starts_with("<p>"));
        assert!(bars(&[0, 0], &["x".into(), "y".into()]).contains("height=\"0.0\""));
    }
}
