//! Mistakes that the compiler must find, and say what is wrong: the text is what a user reads.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What `cargo check` says about a program that begins with `use nerve::prelude::*;`.
fn check(name: &str, program: &str) -> Result<(), String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nedition = \"2024\"\n[workspace]\n[dependencies]\nnerve = {{ path = {root:?} }}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    fs::write(folder.join("src/main.rs"), format!("use nerve::prelude::*;\n{program}\nfn main() {{}}\n")).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--offline", "--quiet", "--target-dir"]).arg(folder.parent().unwrap().join("check"));
    let output = cargo.current_dir(&folder).output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn expect_error(name: &str, program: &str, texts: &[&str]) {
    let error = check(name, program).expect_err("it compiles");
    for text in texts {
        assert!(error.contains(text), "`{text}` is not in:\n{error}");
    }
}

#[test]
fn a_right_program_compiles() {
    let program = "type Net = chain![Dense<4, 10, Sigmoid>, Dense<10, 3>];\n\
         pub static ARENA: Arena<{ arena_len::<Net, [f32; 4]>() }> = Arena::ZERO;\n\
         const _: () = nerve::assert_fits::<(Net, Trainer<Net, [f32; 4]>)>(1024);";
    check("right", program).unwrap();
}

#[test]
fn layers_that_do_not_fit_are_an_error_with_both_shapes() {
    expect_error(
        "layers",
        "type Net = chain![Dense<4, 10, Sigmoid>, Dense<9, 3>];\npub static ARENA: Arena<{ arena_len::<Net, [f32; 4]>() }> = Arena::ZERO;",
        &["Dense<9, 3>", "cannot take an input of shape `[f32; 10]`"],
    );
}

#[test]
fn an_input_that_does_not_fit_is_an_error_with_both_shapes() {
    expect_error(
        "input",
        "pub fn f(net: &Dense<4, 3>) { Arena::<{ arena_len::<Dense<4, 3>, [f32; 5]>() }>::ZERO.predict(net, &[0.0; 5]); }",
        &["Dense<4, 3>", "cannot take an input of shape `[f32; 5]`"],
    );
}

#[test]
fn a_signal_with_other_channels_is_an_error_with_both_shapes() {
    expect_error(
        "channels",
        "type Net = chain![Gru<3, 8>, Last, Dense<8, 2>];\npub static ARENA: Arena<{ arena_len::<Net, [[f32; 4]; 20]>() }> = Arena::ZERO;",
        &["Gru<3, 8>", "cannot take an input of shape `[[f32; 4]; 20]`"],
    );
}

#[test]
fn other_channels_to_scale_are_an_error_with_both_numbers() {
    expect_error(
        "scales",
        "type Net = chain![Dense<4, 6>, ScaleShift<5, Relu>];\npub static ARENA: Arena<{ arena_len::<Net, [f32; 4]>() }> = Arena::ZERO;",
        &["ScaleShift: the input has 6 channels, write `ScaleShift<6>`, not `ScaleShift<5>`"],
    );
}

#[test]
fn a_network_over_the_budget_is_an_error_with_both_numbers() {
    expect_error(
        "budget",
        "const _: () = nerve::assert_fits::<Dense<784, 100>>(16 * 1024);",
        &["it needs 314000 bytes and the budget is 16384"],
    );
}

#[test]
fn dropping_everything_is_an_error() {
    expect_error(
        "dropout",
        "type Net = chain![Dense<2, 2>, Dropout<100>];\npub static ARENA: Arena<{ arena_len::<Net, [f32; 2]>() }> = Arena::ZERO;",
        &["PERCENT must be below 100"],
    );
}

#[test]
fn weights_of_another_network_are_an_error() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/data/iris.nrv");
    expect_error(
        "weights",
        &format!(
            "type Net = chain![Dense<4, 10, Sigmoid>, Dense<10, 3>];\npub static NET: Net = include_weights!(Net, {data:?});"
        ),
        &["the weights file has not the length of this network's"],
    );
}

#[test]
fn a_wrong_size_of_an_image_is_an_error_that_says_the_right_one() {
    let network = |layers: &str| {
        format!(
            "type Net = chain![{layers}];\npub static ARENA: Arena<{{ arena_len::<Net, [[[f32; 1]; 28]; 28]>() }}> = Arena::ZERO;"
        )
    };
    let right = "Conv2d<1, 6, 5, Relu, To<24, 24>>, MaxPool2d<2, 12, 12>, Flatten<864>, Dense<864, 10>";
    check("image", &network(right)).unwrap();
    for (name, wrong, texts) in [
        ("image_conv", right.replace("To<24, 24>", "To<28, 24>"), ["from 28 by 28", "leads to 24 by 24, not 28 by 24"]),
        (
            "image_pool",
            right.replace("2, 12, 12", "2, 14, 12"),
            ["a kernel or window of 2 by 2 with stride 2 by 2", "leads to 12 by 12, not 14 by 12"],
        ),
        ("image_flatten", right.replace("864", "800"), ["`Flatten<864>`", "not `Flatten<800>`"]),
        (
            "image_kernel",
            right.replace("6, 5, Relu, To<24, 24>", "6, 29, Relu, To<24, 24>"),
            ["kernel of 29", "does not fit into an input of 28"],
        ),
        (
            "image_channels",
            right.replace("Conv2d<1", "Conv2d<3"),
            ["Conv<3, 6, 5, 5", "cannot take an input of shape `[[[f32; 1]; 28]; 28]`"],
        ),
    ] {
        expect_error(name, &network(&wrong), &texts);
    }
}

#[test]
fn a_wrong_length_of_a_signal_is_an_error_that_says_the_right_one() {
    let network = |layers: &str| {
        format!(
            "type Net = chain![{layers}];\npub static ARENA: Arena<{{ arena_len::<Net, [[f32; 3]; 128]>() }}> = Arena::ZERO;"
        )
    };
    let right = "Conv1d<3, 8, 5, Relu, To1d<62, 2>>, MaxPool1d<2, 31>, Flatten<248>, Dense<248, 4>";
    check("signal", &network(right)).unwrap();
    for (name, wrong, texts) in [
        ("signal_conv", right.replace("To1d<62", "To1d<64"), ["with stride 2", "leads to a length of 62, not 64"]),
        (
            "signal_pool",
            right.replace("2, 31", "2, 32"),
            ["a kernel or window of 2", "leads to a length of 31, not 32"],
        ),
        (
            "signal_same",
            right.replace("62, 2>", "63, 2, SAME>"),
            ["from a length of 128", "leads to a length of 64, not 63"],
        ),
        (
            "signal_stride",
            right.replace("62, 2>", "62, 0>"),
            ["the stride of a kernel or window", "must be at least 1"],
        ),
        ("signal_ends", right.replace("62, 2>", "62, 2, SAME, 1, 0>"), ["`SAME`", "is the padding of both ends"]),
        (
            "signal_padding",
            right.replace("MaxPool1d<2, 31>", "MaxPool1d<2, 33, 2, 2>"),
            ["in the padding as a whole", "pad less"],
        ),
    ] {
        expect_error(name, &network(&wrong), &texts);
    }
}

#[test]
fn what_cannot_run_row_by_row_is_an_error_that_says_so() {
    let stream = |net: &str, x: &str| format!("type Net = {net};\npub static STREAM: Stream<Net, {x}> = Stream::ZERO;");
    check("stream", &stream("chain![Conv1d<3, 4, 5>, GlobalAvgPool, Softmax]", "[[f32; 3]; 20]")).unwrap();
    for (name, net, x, text) in [
        (
            "stream_transposed",
            "chain![ConvTranspose2d<3, 4, 4, To<8, 8, 2, 1>>, GlobalAvgPool]",
            "[[[f32; 3]; 4]; 4]",
            "` cannot run row by row over `[[[f32; 3]; 4]; 4]`",
        ),
        (
            "stream_strides",
            "Residual<Conv1d<3, 3, 3, Linear, To1d<1, 2, 1>>>",
            "[[f32; 3]; 1]",
            "one path makes a row of 1, the other one of 2",
        ),
        (
            "stream_padding",
            "Conv1d<3, 3, 3, Linear, To1d<24, 1, 3>>",
            "[[f32; 3]; 20]",
            "a kernel that reaches over 3 has a padding of 3",
        ),
    ] {
        expect_error(name, &stream(net, x), &[text]);
    }
}

#[test]
fn heads_that_do_not_divide_the_channels_are_an_error() {
    expect_error(
        "attention",
        "type Net = Attention<6, 4>;\npub static ARENA: Arena<{ arena_len::<Net, [[f32; 6]; 9]>() }> = Arena::ZERO;",
        &["the 6 channels do not divide into 4 heads of one size"],
    );
}

#[test]
fn a_wrong_size_of_a_depthwise_convolution_is_an_error_that_says_the_right_one() {
    expect_error(
        "depthwise",
        "type Net = DepthwiseConv2d<3, 3, Relu, To<14, 14, 2>>;\npub static ARENA: Arena<{ arena_len::<Net, [[[f32; 3]; 28]; 28]>() }> = Arena::ZERO;",
        &["leads to 13 by 13, not 14 by 14"],
    );
}

#[test]
fn a_softmax_before_a_loss_that_holds_it_is_an_error_that_says_what_to_drop() {
    let program = |net: &str, target: &str, loss: &str| {
        format!(
            "type Net = {net};\n#[unsafe(no_mangle)]\npub fn train(net: &mut Net, trainer: &mut Trainer<Net, [f32; 8]>) {{\n\
             let _ = trainer.step(net, &mut Sgd::new(0.1), &{loss}, &[[0.0; 8]], &[{target}]);\n}}"
        )
    };
    let classes = "nerve::LabelSmoothing { smoothing: 0.1 }";
    check("logits", &program("chain![Dense<8, 4, Sigmoid>, Dense<4, 2>]", "1", "CrossEntropy")).unwrap();
    check("logits_mse", &program("Dense<8, 2, Softmax>", "[0.0, 1.0]", "Mse")).unwrap();
    for (name, net, target, loss, activation) in [
        ("softmax", "Dense<8, 2, Softmax>", "1", "CrossEntropy", "Softmax"),
        ("softmax_layer", "chain![Dense<8, 2>, Softmax]", "[0.0, 1.0]", "CrossEntropy", "Softmax"),
        ("softmax_frozen", "chain![Dense<8, 2>, Frozen<Softmax>]", "1", classes, "Softmax"),
        ("sigmoid", "BatchNorm<Dense<8, 2>, Sigmoid>", "[0.0, 1.0]", "BinaryCrossEntropy", "Sigmoid"),
    ] {
        let (loss_name, _) = loss.trim_start_matches("nerve::").split_once(' ').unwrap_or((loss, ""));
        expect_error(
            name,
            &program(net, target, loss),
            &[&format!("`{loss_name}` takes logits"), &format!("drop the `{activation}`")],
        );
    }
}

#[test]
fn a_size_of_0_is_an_error() {
    for (name, net, input) in [
        ("no_outputs", "chain![Dense<8, 0, Softmax>]", "[f32; 8]"),
        ("no_inputs", "Dense<0, 2>", "[f32; 0]"),
        ("no_units", "chain![Gru<3, 0>, Last]", "[[f32; 3]; 5]"),
        ("no_channels", "chain![Conv2d<1, 0, 3>, GlobalAvgPool]", "[[[f32; 1]; 5]; 5]"),
        ("no_kernel", "Conv2d<1, 2, 0, Linear, To<6, 6>>", "[[[f32; 1]; 5]; 5]"),
        ("no_window", "MaxPool1d<0, 3>", "[[f32; 2]; 6]"),
        ("no_steps", "chain![Conv1d<2, 3, 3, Linear, To1d<0>>, Flatten<0>]", "[[f32; 2]; 2]"),
    ] {
        let program =
            format!("type Net = {net};\npub static ARENA: Arena<{{ arena_len::<Net, {input}>() }}> = Arena::ZERO;");
        let error = check(name, &program).expect_err(name);
        assert!(
            error.contains("a size of 0") || error.contains("at least 1") || error.contains("does not fit"),
            "{name}: {error}"
        );
    }
    let program = "type Net = Dense<8, 0, Softmax>;\npub static TRAINER: Trainer<Net, [f32; 8]> = Trainer::ZERO;";
    expect_error("no_outputs_trained", program, &["a size of 0"]);
}

#[test]
fn what_cannot_learn_with_rounding_is_named() {
    expect_error(
        "rounding",
        "pub fn f(net: &nerve::Rounded<chain![BatchNorm<Dense<2, 3>, Relu>, Dense<3, 2>]>) -> usize { size_of_val(net) }",
        &["BatchNorm<", "` cannot learn with rounding", "a `BatchNorm` is folded first"],
    );
}

#[test]
fn a_layer_whose_integers_its_type_does_not_tell_is_an_error_that_names_it() {
    expect_error(
        "quantised",
        "type Net = chain![Dense<4, 6, Relu>, LayerNorm<6>, Dense<6, 3>];\npub fn f(_: &nerve::Quantised<Net, [i8; 4]>) {}",
        &["the type of `nerve::LayerNorm<6>` does not say what it is in integers", "leaves layers in floats"],
    );
    expect_error(
        "quantised_later",
        "type Net = chain![Dense<4, 6, Relu>, Standardize<6>, Dense<6, 3>];\npub fn f(_: &nerve::Quantised<Net, [i8; 4]>) {}",
        &["the type of `nerve::Standardize<6>` does not say what it is in integers"],
    );
    expect_error(
        "quantised_function",
        "pub fn f(_: &nerve::Quantised<Dense<4, 6, HardSigmoid>, [i8; 4]>) {}",
        &["the activation `nerve::HardSigmoid`", "take `Linear`, `Relu`"],
    );
}
