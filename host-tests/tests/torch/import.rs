// Written by import.py.
pub const IMAGE: [f32; 3] = [0.019363627, -0.10395551, -0.43462917];
pub const SIGNAL: [f32; 3] = [-0.1358831, -0.24513769, 0.1398465];
pub const RESIDUAL: [f32; 3] = [0.34576187, -0.28658384, 0.6294997];
pub const ACTIVATIONS: [f32; 3] = [-0.11412133, 0.08039789, 0.32353526];
pub const RECURRENT: [f32; 2] = [-0.12608618, -0.6966964];
pub const LSTM: [f32; 2] = [-0.137133, -0.2387759];
pub const HALVES: [f32; 2] = [-0.12593892, -0.69706726];
pub const LAYERS: [f32; 3] = [0.52310765, -1.137475, -0.090379775];
pub const DECODER: [f32; 3] = [-0.0154105425, 0.09956184, -0.095470496];
