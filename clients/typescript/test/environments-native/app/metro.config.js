const { dirname } = require("node:path");
const { getDefaultConfig, mergeConfig } = require("@react-native/metro-config");

// The packages are in the folder above.
module.exports = mergeConfig(getDefaultConfig(__dirname), { watchFolders: [dirname(__dirname)] });
