//! Files of examples: raw, little endian, one after another, or NumPy's `.npy`.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use nerve::graph::{Graph, Scalar, Value};
use npyz::{DType, NpyHeader, Order, TypeStr, WriterBuilder};

/// The tensors of `indices`.
pub fn values<'a>(graph: &'a Graph, indices: &[usize]) -> Vec<&'a Value> {
    indices.iter().filter_map(|index| graph.tensors.get(*index)).collect()
}

/// Bytes of one example.
pub fn bytes(values: &[&Value]) -> usize {
    values.iter().map(|value| value.bytes()).sum()
}

/// The examples in the bytes of a file, for the inputs of a model.
pub fn read<'a>(file: &'a [u8], inputs: &[&Value]) -> Result<&'a [u8]> {
    let mut rest = file;
    if file.starts_with(b"\x93NUMPY") {
        let header = NpyHeader::from_reader(&mut rest)?;
        let [input] = inputs else {
            bail!("a .npy file holds one input, the model has {}: give raw bytes", inputs.len())
        };
        let wanted = npy_type(input.scalar)?;
        let array = format!("the array is {}{:?}", header.dtype().descr(), header.shape());
        let needed =
            format!("the model takes {wanted}[n, {}", format!("{:?}", &input.shape).trim_start_matches("[1, "));
        ensure!(header.dtype() == DType::Plain(wanted), "{array}, {needed}: convert it with .astype");
        ensure!(header.order() == Order::C, "{array} in Fortran's order: convert it with np.ascontiguousarray");
        let mut shape = input.shape.iter().map(|length| *length as u64);
        shape.next();
        ensure!(header.shape().iter().skip(1).copied().eq(shape), "{array}, {needed}: change it with .reshape");
    }
    let example = bytes(inputs);
    ensure!(
        !rest.is_empty() && rest.len().is_multiple_of(example.max(1)),
        "{} bytes of examples, and one takes {example}: give whole examples, one after another",
        rest.len()
    );
    Ok(rest)
}

/// What is written to `path`: a `.npy` file if it has that ending.
pub fn write(examples: Vec<u8>, outputs: &[&Value], path: &Path) -> Result<Vec<u8>> {
    if path.extension().is_none_or(|extension| extension != "npy") {
        return Ok(examples);
    }
    let [output] = outputs else {
        bail!("a .npy file holds one output, the model has {}: name a .bin file", outputs.len())
    };
    let count = examples.len() / output.bytes().max(1);
    let shape: Vec<u64> = [count].iter().chain(output.shape.iter().skip(1)).map(|length| *length as u64).collect();
    let mut file = Vec::new();
    match output.scalar {
        Scalar::F32 => array(&mut file, &shape, examples.as_chunks().0.iter().copied().map(f32::from_le_bytes))?,
        Scalar::I32 => array(&mut file, &shape, examples.as_chunks().0.iter().copied().map(i32::from_le_bytes))?,
        Scalar::I8 => array(&mut file, &shape, examples.iter().map(|byte| *byte as i8))?,
        Scalar::U8 => array(&mut file, &shape, examples.iter().copied())?,
        other => bail!("a .npy file of {} is not written: name a .bin file", other.name()),
    }
    Ok(file)
}

fn array<T: npyz::AutoSerialize>(file: &mut Vec<u8>, shape: &[u64], values: impl Iterator<Item = T>) -> Result<()> {
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(file).begin_nd()?;
    writer.extend(values)?;
    Ok(writer.finish()?)
}

fn npy_type(scalar: Scalar) -> Result<TypeStr> {
    let name = match scalar {
        Scalar::F32 => "<f4",
        Scalar::I32 => "<i4",
        Scalar::I64 => "<i8",
        Scalar::I8 => "|i1",
        Scalar::U8 => "|u1",
        _ => bail!("{} has no name in NumPy", scalar.name()),
    };
    name.parse().context("NumPy's name of a type")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(shape: &[usize], scalar: Scalar) -> Value {
        Value { name: String::new(), shape: shape.into(), scalar, quantization: None, data: None }
    }

    #[test]
    fn npy_files_are_read_as_they_are_written() {
        for scalar in [Scalar::F32, Scalar::I32, Scalar::I8, Scalar::U8] {
            let value = value(&[1, 2, 3], scalar);
            let examples: Vec<u8> = (0..4 * value.bytes() as u8).collect();
            let file = write(examples.clone(), &[&value], Path::new("y.npy")).unwrap();
            assert!(file.len() > examples.len());
            assert_eq!(read(&file, &[&value]).unwrap(), examples);
            assert_eq!(read(&examples, &[&value]).unwrap(), examples);
        }
    }

    #[test]
    fn other_arrays_are_refused() {
        let is = value(&[1, 2, 3], Scalar::I8);
        let file = write(vec![1; 12], &[&is], Path::new("y.npy")).unwrap();
        let refused = |value: &Value, file: &[u8]| read(file, &[value]).unwrap_err().to_string();
        assert!(refused(&value(&[1, 6], Scalar::I8), &file).contains(".reshape"));
        assert!(refused(&value(&[1, 2, 3], Scalar::F32), &file).contains("<f4[n, 2, 3]"));
        assert!(refused(&is, &file[..file.len() - 1]).contains("whole examples"));
        assert!(refused(&is, &[]).contains("whole examples"));
        assert!(!refused(&is, &file[..20]).is_empty());
        assert!(read(&file, &[&is, &is]).is_err());
    }
}
