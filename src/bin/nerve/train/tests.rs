//! Files of many kinds, read, refused and split.

use clap::Parser;

use super::split::split;
use super::table::Table;
use super::{Network, Options};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn read(text: impl AsRef<[u8]>, options: &str) -> Result<Table, String> {
    let words = ["nerve", "data.csv"].into_iter().chain(options.split_whitespace());
    Table::read(text.as_ref(), &Line::parse_from(words).options).map_err(|error| format!("{error:#}"))
}

fn refused(text: impl AsRef<[u8]>, options: &str, parts: &[&str]) {
    let Err(error) = read(text, options) else { panic!("read, where {parts:?} was expected") };
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

fn first(table: &Table) -> (&[f32], f32) {
    (&table.rows[0].0, table.rows[0].1)
}

#[test]
fn words_are_classes_and_numbers_are_values_unless_the_user_says_otherwise() {
    let table = read("a,b,species\n1,2.5,rose\n3,-4e-1,lily\n", "").unwrap();
    assert_eq!(table.columns, ["a", "b"]);
    assert_eq!(table.classes.as_deref(), Some(&["lily".to_owned(), "rose".into()][..]));
    assert_eq!(first(&table), (&[1.0, 2.5][..], 1.0));

    let numbers = "a,b\n1,10\n2,9\n3,10\n";
    let table = read(numbers, "").unwrap();
    assert_eq!((table.classes.is_none(), first(&table)), (true, (&[1.0][..], 10.0)));
    assert!(table.to_string().contains("of 2 whole numbers: --classes"), "{table}");
    let table = read(numbers, "--classes").unwrap();
    assert_eq!(table.classes.as_deref(), Some(&["9".to_owned(), "10".into()][..]));
    assert_eq!(first(&table).1, 1.0);
    // A word among numbers is a mistake, no class.
    refused("a,b\n1,10\n2,x\n3,10\n", "", &["line 3, column `b`: a number expected, found `x`"]);
}

#[test]
fn any_column_can_be_the_target_and_others_left_out() {
    let text = "name,class,a,b\nx,one,1,2\ny,two,3,4\n";
    let table = read(text, "--target class --ignore name").unwrap();
    assert_eq!((table.columns, table.target.as_str()), (vec!["a".to_owned(), "b".into()], "class"));
    let table = read(text, "--ignore name --ignore b --ignore class").err();
    assert!(table.unwrap().contains("no column is left"));
    refused(text, "--target colour", &["no column `colour`", "`name`, `class`, `a`, `b`"]);
    refused(text, "--target name --ignore name", &["is the target and ignored"]);
    refused("a,a,b\n1,2,3\n", "--target a", &["two columns are named `a`"]);
    refused(text, "", &["column `name` holds no numbers but such as `x` (line 2)", "--ignore 'name'"]);
}

#[test]
fn separators_quotes_and_line_ends_are_found() {
    let plain = read("a,b,class\n1.5,2,x\n2.5,3,y\n", "").unwrap();
    for text in [
        "\u{feff}a,b,class\r\n1.5,2,x\r\n2.5,3,y\r\n",
        "a;b;class\n1,5;2;x\n2,5;3;y",
        "a\tb\tclass\n1,5\t2\tx\n2,5\t3\ty\n",
        "\"a\";\"b\";\"class\"\n\"1.5\";2;\"x\"\n2.5;3;y\n",
        "a,b,class\n\"1,5\",\"2,0\",x\n\"2,5\",3,y\n",
        "\n a , b , class \n\n 1.5 , 2 , x \n,,\n2.5,3,y\n\n",
    ] {
        let table = read(text, "").unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!((&table.columns, &table.classes, &table.rows), (&plain.columns, &plain.classes, &plain.rows));
    }
    let table = read("\"a, in cm\",\"the \"\"class\"\"\"\n1,\"x\ny\"\n2,z\n", "").unwrap();
    assert_eq!((&*table.columns[0], &*table.target), ("a, in cm", "the \"class\""));
    assert_eq!(table.classes.unwrap()[0], "x\ny");
}

#[test]
fn decimal_commas_are_no_missing_values_and_not_mixed_with_points() {
    let table = read("a;b\n1,5;2\n-,5;1e3\n", "").unwrap();
    assert_eq!(table.rows, [(vec![1.5], 2.0), (vec![-0.5], 1000.0)]);
    refused("a;b\n1,5;2\n2.5;3\n", "", &["line 2, column `a`: `1,5` has a decimal comma", "`2.5` (line 3"]);
    refused("a;b\n1.000,5;2\n2;3\n", "", &["line 2, column `a`: a number expected, found `1.000,5`"]);
    // Decimal commas between commas are more columns.
    refused("a,b\n1,5,2\n2,5,3\n", "", &["line 2: 2 columns expected, found 3", "need semicolons"]);
}

#[test]
fn missing_values_are_named_by_line_and_column_or_left_out() {
    let text = "a,b,class\n1,2,x\n,3,y\n4,NA,x\n5,6,\n7,8,y\n";
    let parts = [
        "line 3, column `a`: a value is missing, found nothing",
        "line 4, column `b`: a value is missing, found `NA`",
        "line 5, column `class`",
        "--drop-missing",
    ];
    refused(text, "", &parts);
    let table = read(text, "--drop-missing").unwrap();
    assert_eq!(table.rows, [(vec![1.0, 2.0], 0.0), (vec![7.0, 8.0], 1.0)]);
    assert!(table.to_string().contains("3 rows with missing values left out"), "{table}");
    // What is missing in a column that nobody reads is no loss.
    assert_eq!(read("a,b,class\n1,,x\n2,,y\n", "--ignore b").unwrap().rows.len(), 2);
    let many = format!("a,b\n{}", ",1\n".repeat(12));
    refused(many, "", &["line 6,", "and 7 more"]);
}

#[test]
fn what_cannot_be_learned_from_is_said() {
    refused("", "", &["the file is empty"]);
    refused("\n \n", "", &["the file is empty"]);
    refused("a b c\n1 2 3\n", "", &["commas, semicolons or tabs", "`a b c`"]);
    refused("5.1,3.5,rose\n4.9,3.0,lily\n", "", &["line 1: names", "`5.1`"]);
    refused("a,b\n", "", &["no rows"]);
    refused("a,b\n1,2\n3\n", "", &["line 3: 2 columns expected, found 1"]);
    refused("a,b\n1,2\n1e39,3\n", "", &["line 3, column `a`: a finite number", "`1e39`"]);
    refused("a,b\n1,2\n-inf,3\n", "", &["line 3, column `a`: a finite number", "`-inf`"]);
    refused("a,b,class\n1,2,x\n1,3,y\n", "", &["column `a` is 1 in every row", "--ignore 'a'"]);
    refused("a,b\n1,2\n3,2\n", "", &["the target `b` is 2 in every row"]);
    refused("a,class\n1,x\n2,x\n", "", &["the class `class` is `x` in every row"]);
    refused(b"a,b\n1,2\n\xff,3\n", "", &["line 3 is not UTF-8"]);
    let words: String = (0..101).map(|i| format!("{i},word{i}\n")).collect();
    refused(format!("a,b\n{words}"), "", &["`b` has 101 different words", "--target"]);
    // Nothing a number in a cell says is allocated or shown.
    refused(format!("a,b\n{},2\n3,4\n", "9".repeat(100_000)), "", &["line 2, column `a`"]);
}

/// Damaged files are read or refused, without a panic.
#[test]
fn damage_is_no_panic() {
    let whole = "\u{feff}\"a\";b;class\r\n1,5;2;x\r\n\"2,5\";3;y\r\n;4;x\n1e3;-5;y\n".as_bytes();
    for at in 0..whole.len() {
        for byte in [0, b'"', b',', b';', b'\n', b'\t', b'9', b'e', 0xff] {
            let mut text = whole.to_vec();
            text[at] = byte;
            let _ = read(&text, "--drop-missing");
            let _ = read(&text[..at], "");
        }
    }
}

#[test]
fn every_class_is_split_alike_and_every_row_is_in_one_part() {
    let rows = (0..60).map(|i| format!("{i},{}\n", ["x", "y", "y"][i % 3]));
    let table = read(format!("a,class\n{}", rows.collect::<String>()), "").unwrap();
    let parts = split(&table, None).unwrap();
    let counts = parts.each_ref().map(|part| [0.0, 1.0].map(|class| part.iter().filter(|row| row.1 == class).count()));
    assert_eq!(counts, [[12, 24], [4, 8], [4, 8]]);
    let mut all: Vec<f32> = parts.iter().flatten().map(|row| row.0[0]).collect();
    all.sort_by(f32::total_cmp);
    assert!(all.into_iter().eq((0..60_u8).map(f32::from)));
    let few = read("a,class\n1,x\n2,x\n3,x\n4,x\n5,x\n6,y\n", "").unwrap();
    assert!(split(&few, None).unwrap_err().to_string().contains("1 rows of the class `y`"));
}

#[test]
fn windows_of_different_parts_share_no_row_and_no_window_two_classes() {
    // Recordings of 50, 30, 50, 30 ... rows, numbered through.
    let rows = (0..800).map(|i| format!("{i},{}\n", if i % 80 < 50 { "x" } else { "y" }));
    let table = read(format!("a,class\n{}", rows.collect::<String>()), "").unwrap();
    let parts = split(&table, Some(10)).unwrap();
    let mut owners = vec![None; 800];
    for (part, examples) in parts.iter().enumerate() {
        assert!(examples.len() > 10, "{}", examples.len());
        for (window, class) in examples {
            assert!(window.windows(2).all(|pair| pair[1] == pair[0] + 1.0));
            for row in window {
                assert_eq!(*class == 0.0, row % 80.0 < 50.0);
                let owner = owners[*row as usize].get_or_insert(part);
                assert_eq!(*owner, part, "row {row}");
            }
        }
    }
    assert!(split(&table, Some(40)).unwrap_err().to_string().contains("0 windows of the class `y`"));
    let values = read(format!("a,b\n{}", (0..99).map(|i| format!("{i},{}\n", i * 2)).collect::<String>()), "").unwrap();
    for (window, value) in split(&values, Some(8)).unwrap().iter().flatten() {
        assert_eq!(*value, 2.0 * window[7]);
    }
}

#[test]
fn a_window_is_asked_for() {
    let words = ["nerve", "data.csv", "--network", "conv"];
    assert!(Line::try_parse_from(words).is_err());
    let line = Line::try_parse_from(words.iter().chain(&["--window", "9"])).unwrap().options;
    assert_eq!((line.network, line.window), (Network::Conv, Some(9)));
}
