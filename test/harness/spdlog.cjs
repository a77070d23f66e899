// Takes the place of @vscode/spdlog in the code-server of the cache folder: the same calls, without compiled code.
// Used by VS Code's log files and output channels. Files are not rotated.
'use strict';
const { appendFileSync, mkdirSync } = require('node:fs');
const path = require('node:path');

const NAMES = ['trace', 'debug', 'info', 'warning', 'error', 'critical'];

class Logger {
  constructor(_type, _name, filename) {
    this.filename = filename;
    this.level = 2;
    this.plain = false;
    mkdirSync(path.dirname(filename), { recursive: true });
  }
  write(level, message) {
    if (level < this.level) return;
    const time = new Date().toISOString().replace('T', ' ').replace('Z', '');
    try {
      appendFileSync(this.filename, this.plain ? message : `${time} [${NAMES[level]}] ${message}\n`);
    } catch {
      // The folder of a log may be gone when VS Code ends.
    }
  }
  trace(message) {
    this.write(0, message);
  }
  debug(message) {
    this.write(1, message);
  }
  info(message) {
    this.write(2, message);
  }
  warn(message) {
    this.write(3, message);
  }
  error(message) {
    this.write(4, message);
  }
  critical(message) {
    this.write(5, message);
  }
  getLevel() {
    return this.level;
  }
  setLevel(level) {
    this.level = level;
  }
  setPattern() {
    this.plain = false;
  }
  clearFormatters() {
    this.plain = true;
  }
  flush() {}
  drop() {}
}

exports.version = 0;
exports.setLevel = () => {};
exports.setFlushOn = () => {};
exports.Logger = Logger;
exports.createRotatingLogger = async (name, filename) => new Logger('rotating', name, filename);
exports.createAsyncRotatingLogger = async (name, filename) => new Logger('rotating_async', name, filename);
