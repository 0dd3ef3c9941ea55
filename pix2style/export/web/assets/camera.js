// The camera: frames go to the worker one at a time, in a size that keeps the picture moving.

const SIDES = [240, 320, 480, 640, 960]; // longest sides in pixels
const SLOW_MS = 200;
const FAST_MS = 60;

/** Start the camera and show stylized frames until `stop`. `page` has the functions showView, say and showError. */
export async function startCamera(video, ask, page) {
  const stream = await openStream();
  video.srcObject = stream;
  await video.play();
  const state = { isOn: true, step: 2 };
  const loop = showFrames(video, ask, page, state).catch((error) => {
    if (state.isOn) page.showError(error.message);
  });
  return {
    stop() {
      state.isOn = false;
      stream.getTracks().forEach((track) => track.stop());
      video.srcObject = null;
    },
    async picture() {
      const file = await wholeFrame(video);
      state.isOn = false;
      await loop;
      return file;
    },
  };
}

async function openStream() {
  if (!navigator.mediaDevices) throw new Error("The camera works only on pages from https or from this device.");
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" } });
  } catch (error) {
    const reasons = {
      NotAllowedError: "The browser does not allow the camera: allow it in the browser's settings of this page.",
      NotFoundError: "There is no camera on this device.",
      NotReadableError: "Another program uses the camera: close it first.",
    };
    throw new Error(reasons[error.name] ?? `The camera could not be opened: ${error.message}`);
  }
}

async function showFrames(video, ask, page, state) {
  const [before, after] = ["before", "after"].map((id) => document.getElementById(id));
  while (state.isOn) {
    const [height, width] = frameSize(video, SIDES[state.step]);
    if (before.height !== height || before.width !== width) page.showView(height, width, true);
    before.getContext("2d").drawImage(video, 0, 0, width, height);
    const frame = await createImageBitmap(before);
    const painted = await ask("frame", { bitmap: frame }, { transfer: [frame] }).catch(nothingIfCancelled);
    if (!painted) continue; // another filter was chosen meanwhile
    const { bitmap, ms } = painted;
    if (state.isOn) after.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    if (state.isOn) page.say(`Camera: ${width} x ${height} pixels, ${(1000 / ms).toFixed(0)} pictures a second`);
    if (ms > SLOW_MS) state.step = Math.max(0, state.step - 1);
    if (ms < FAST_MS) state.step = Math.min(SIDES.length - 1, state.step + 1);
    await new Promise(requestAnimationFrame);
  }
}

function nothingIfCancelled(error) {
  if (error.message !== "cancelled") throw error;
}

function frameSize({ videoHeight, videoWidth }, side) {
  const scale = Math.min(1, side / Math.max(videoHeight, videoWidth));
  return [Math.max(1, Math.round(videoHeight * scale)), Math.max(1, Math.round(videoWidth * scale))];
}

/** Return the current frame as a file, in the camera's own size. */
function wholeFrame(video) {
  const canvas = Object.assign(document.createElement("canvas"), { height: video.videoHeight, width: video.videoWidth });
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((resolve) => {
    canvas.toBlob((blob) => resolve(new File([blob], "camera.png", { type: "image/png" })), "image/png");
  });
}
