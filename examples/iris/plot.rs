//! The learning curve as a picture.

use std::{error::Error, path::Path};

use plotters::prelude::*;

/// Cross-entropy on the training and the held-out flowers, by epoch.
pub fn learning_curve(path: &Path, losses: &[(f32, f32)]) -> Result<(), Box<dyn Error>> {
    let highest = losses.iter().fold(0.0, |highest: f32, (a, b)| highest.max(*a).max(*b));
    let area = SVGBackend::new(path, (720, 400)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Iris 4-10-3: learning curve", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(1..losses.len().max(2), 0.0..highest * 1.05)?;
    chart.configure_mesh().x_desc("epoch").y_desc("cross-entropy").light_line_style(WHITE).draw()?;
    let (training, held_out): (Vec<_>, Vec<_>) = losses.iter().copied().unzip();
    let curves = [("training", RGBColor(31, 119, 180), training), ("held out", RGBColor(214, 96, 39), held_out)];
    for (name, colour, losses) in curves {
        let points = losses.into_iter().enumerate().map(|(epoch, loss)| (epoch + 1, loss));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
    }
    chart.configure_series_labels().background_style(WHITE).border_style(BLACK.mix(0.3)).draw()?;
    area.present()?;
    Ok(())
}
