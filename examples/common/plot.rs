//! Curves as SVG.

use std::fs;
use std::path::Path;

use anyhow::Result;
use nerve::Confusion;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A line, with a vertical bar at each point if `spread` has one for it.
pub struct Curve {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    pub spread: Vec<f64>,
    /// In a paler shade of the next curve's colour.
    pub pale: bool,
}

impl Curve {
    /// A value for each epoch from 1 on.
    pub fn by_epoch(name: impl Into<String>, values: impl IntoIterator<Item = f32>) -> Self {
        let points = values.into_iter().enumerate().map(|(i, v)| (i as f64 + 1.0, f64::from(v))).collect();
        Self { name: name.into(), points, spread: Vec::new(), pale: false }
    }
}

/// The two curves of a training.
pub fn losses(name: &str, losses: &[(f32, f32)]) -> [Curve; 2] {
    let training = Curve::by_epoch(format!("{name} training"), losses.iter().map(|l| l.0));
    [Curve { pale: true, ..training }, Curve::by_epoch(format!("{name} held out"), losses.iter().map(|l| l.1))]
}

const COLOURS: [RGBColor; 6] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 96, 39),
    RGBColor(44, 140, 60),
    RGBColor(148, 80, 170),
    RGBColor(110, 110, 110),
    RGBColor(190, 150, 20),
];

/// Draws curves over one pair of axes, `(description of x, of y)`, and prints where.
pub fn curves(path: &Path, title: &str, axes: (&str, &str), curves: &[Curve]) -> Result<()> {
    let (left, right) = range(curves.iter().flat_map(|c| &c.points).map(|p| p.0));
    let ends = |c: &Curve| -> Vec<f64> {
        let spread = c.spread.iter().copied().chain(std::iter::repeat(0.0));
        c.points.iter().zip(spread).flat_map(|(p, s)| [p.1 - s, p.1 + s]).collect()
    };
    let (low, high) = range(curves.iter().flat_map(ends));
    let margin = 0.05 * (high - low);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let area = SVGBackend::new(path, (720, 400)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .margin_right(24)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(left..right, low - margin..high + margin)?;
    let whole = |x: &f64| if x.fract() == 0.0 { format!("{x:.0}") } else { format!("{x}") };
    chart.configure_mesh().x_desc(axes.0).y_desc(axes.1).x_label_formatter(&whole).light_line_style(WHITE).draw()?;
    let mut colours = COLOURS.iter().cycle().peekable();
    for curve in curves {
        let colour = colours.next_if(|_| !curve.pale).or_else(|| colours.peek().copied()).unwrap_or(&BLACK);
        let style = colour.mix(if curve.pale { 0.4 } else { 1.0 }).stroke_width(2);
        chart
            .draw_series(LineSeries::new(curve.points.iter().copied(), style))?
            // The box is as wide as the backend takes the text to be, which is less than some fonts need.
            .label(format!("{}\u{2003}", curve.name))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
        chart.draw_series(
            curve
                .points
                .iter()
                .zip(&curve.spread)
                .map(|((x, y), s)| PathElement::new([(*x, y - s), (*x, y + s)], style)),
        )?;
    }
    // At the right, where the curves leave most room.
    let last_third: Vec<_> =
        curves.iter().flat_map(|c| &c.points).filter(|p| 3.0 * (right - p.0) < right - left).collect();
    let room = |height: f64| {
        let y = low + height * (high - low);
        last_third.iter().map(|p| (p.1 - y).abs()).fold(f64::INFINITY, f64::min)
    };
    let positions = [
        (SeriesLabelPosition::UpperRight, 0.9),
        (SeriesLabelPosition::MiddleRight, 0.5),
        (SeriesLabelPosition::LowerRight, 0.1),
    ];
    let most = positions.into_iter().max_by(|a, b| room(a.1).total_cmp(&room(b.1)));
    let position = most.map_or(SeriesLabelPosition::UpperRight, |(position, _)| position);
    chart
        .configure_series_labels()
        .position(position)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    area.present()?;
    println!("picture: {}", path.display());
    Ok(())
}

/// Draws a confusion matrix, each cell the darker the larger its share of the true class, and prints where.
pub fn confusion<const C: usize>(path: &Path, title: &str, confusion: &Confusion<C>) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let area = SVGBackend::new(path, (560, 560)).into_drawing_area();
    area.fill(&WHITE)?;
    let classes = || (0..C.saturating_sub(1)).into_segmented();
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .margin_right(24)
        .x_label_area_size(40)
        .y_label_area_size(48)
        .build_cartesian_2d(classes(), classes())?;
    // The first class on top.
    let from_top = |class: usize| C - 1 - class;
    let column = |place: &SegmentValue<usize>| match place {
        SegmentValue::CenterOf(class) if *class < C => class.to_string(),
        _ => String::new(),
    };
    let row = |place: &SegmentValue<usize>| match place {
        SegmentValue::CenterOf(class) if *class < C => from_top(*class).to_string(),
        _ => String::new(),
    };
    let mut mesh = chart.configure_mesh();
    mesh.disable_mesh().x_labels(C).y_labels(C).x_label_formatter(&column).y_label_formatter(&row);
    mesh.x_desc("predicted class").y_desc("true class").draw()?;
    for (class, predicted) in (0..C).flat_map(|class| (0..C).map(move |predicted| (class, predicted))) {
        let (count, y) = (confusion.count(class, predicted), from_top(class));
        let share = f64::from(count) / f64::from(confusion.examples(class).max(1));
        let corners =
            [(predicted, y), (predicted + 1, y + 1)].map(|(x, y)| (SegmentValue::Exact(x), SegmentValue::Exact(y)));
        let centre = (SegmentValue::CenterOf(predicted), SegmentValue::CenterOf(y));
        let colour = if share > 0.6 { &WHITE } else { &BLACK };
        let text = ("sans-serif", 14).into_font().color(colour).pos(Pos::new(HPos::Center, VPos::Center));
        chart.draw_series([Rectangle::new(corners, COLOURS[0].mix(share).filled())])?;
        if count > 0 {
            chart.draw_series([Text::new(count.to_string(), centre, text)])?;
        }
    }
    area.present()?;
    println!("picture: {}", path.display());
    Ok(())
}

/// The smallest and the largest value; never one alone.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low < high { (low, high) } else { (low.min(0.0), high.max(low + 1.0)) }
}
