// The script's edge towards Max. Everything comes in as a named message, through a deferlow.
inlets = 1;
outlets = 4; // 0 the face, 1 udpsend, 2 udpreceive, 3 what is kept in the set
autowatch = 0;

const device = new Ditto.Device({
  api: (path) => new LiveAPI(path),
  observe: (path, property, changed) => {
    const api = new LiveAPI(changed, path);
    api.property = property;
    return api;
  },
  task: (work) => new Task(work),
  face: (...message) => outlet(0, ...message),
  udp: (...message) => outlet(1, ...message),
  port: (...message) => outlet(2, ...message),
  keep: (...message) => outlet(3, ...message),
});

function anything(...args) {
  device.receive(messagename, args);
}

function notifydeleted() {
  device.close();
}
