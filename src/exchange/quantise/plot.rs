//! A picture of the noise.

use std::format;
use std::string::String;

use super::Report;

/// Pixels of a row, of the names beside the bars, and of a decibel; decibels up to which bars go.
const ROW: usize = 20;
const NAMES: usize = 380;
const DECIBEL: usize = 5;
const LARGEST: usize = 80;
/// Pixels above the first bar and below the last.
const ABOVE: usize = 40;
const BELOW: usize = 46;

impl Report {
    /// A bar for each layer, of its signal to quantisation noise, as SVG; the one [to keep in floats](Self::most_lost) is in another colour.
    pub fn svg(&self) -> String {
        let (width, bottom) = (NAMES + LARGEST * DECIBEL + 70, ABOVE + ROW * self.layers.len());
        let height = bottom + BELOW;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
             <text x=\"12\" y=\"22\" font-size=\"16\">Signal to quantisation noise by layer</text>\n"
        );
        for decibels in (0..=LARGEST).step_by(20) {
            let x = NAMES + decibels * DECIBEL;
            svg += &format!(
                "<line x1=\"{x}\" y1=\"{ABOVE}\" x2=\"{x}\" y2=\"{bottom}\" stroke=\"#ddd\"/>\
                 <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{decibels}</text>\n",
                bottom + 16
            );
        }
        svg += &format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">dB</text>\n",
            NAMES + LARGEST * DECIBEL / 2,
            height - 12
        );
        let worst = self.most_lost().map(|(layer, _)| layer);
        for (at, layer) in self.layers.iter().enumerate() {
            let length = layer.decibels.clamp(0.0, LARGEST as f32) * DECIBEL as f32;
            let colour = if worst.is_some_and(|worst| core::ptr::eq(worst, layer)) { "#d66027" } else { "#1f77b4" };
            let (top, base) = (ABOVE + at * ROW, ABOVE + at * ROW + 14);
            let end = NAMES as f32 + length + 6.0;
            svg += &format!(
                "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{} {}</text>\
                 <rect x=\"{NAMES}\" y=\"{}\" width=\"{length:.1}\" height=\"{}\" fill=\"{colour}\"/>\
                 <text x=\"{end:.1}\" y=\"{base}\">{:.1}</text>\n",
                NAMES - 8,
                layer.operator,
                end_of(&layer.tensor),
                top + 3,
                ROW - 6,
                layer.decibels
            );
        }
        svg + "</svg>\n"
    }
}

/// The end of a name, which may be long and hold any character.
fn end_of(name: &str) -> String {
    const CHARACTERS: usize = 28;
    let skipped = name.chars().count().saturating_sub(CHARACTERS);
    let end = name.chars().skip(skipped).filter(|c| !c.is_control());
    let escaped = end.map(|c| match c {
        '<' => "&lt;".into(),
        '&' => "&amp;".into(),
        other => String::from(other),
    });
    let escaped: String = escaped.collect();
    if skipped > 0 { format!("…{escaped}") } else { escaped }
}
