impl Serial {
    /// Waits for a byte; one that was damaged on the line is left out.
    pub fn read(&mut self) -> u8 {
        let mut byte = [0];
        while self.0.blocking_read(&mut byte).is_err() {}
        byte[0]
    }
}

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.blocking_write(text.as_bytes()).map_err(|_| fmt::Error)
    }
}
