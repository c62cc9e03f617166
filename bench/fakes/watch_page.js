// What measures the chat page from inside: `watch` has a function per measurement.
(() => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))); // until it is drawn
  const box = () => document.querySelector("#scroll");
  const oldest = () => document.querySelector(".message .text").textContent;
  const newest = () => document.querySelector(".row:last-child .text")?.textContent;

  /** The room, and where its first row in view is. */
  function place() {
    const { top } = box().getBoundingClientRect();
    const row = [...document.querySelectorAll(".row")].find((each) => each.getBoundingClientRect().bottom > top);
    return { shown: document.title + row?.textContent, at: row?.getBoundingClientRect().bottom };
  }

  window.watch = {
    found: { frames: [], tasks: [], shift: 0 },

    /** Note how long frames and tasks take, and what moves without an act of the reader. */
    begin() {
      const { found } = watch;
      const observe = (type, note) =>
        new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type });
      observe("longtask", ({ duration }) => found.tasks.push(duration));
      observe("layout-shift", ({ value, hadRecentInput }) => { if (!hadRecentInput) found.shift += value; });
      let last;
      const tick = (now) => {
        if (last) found.frames.push(now - last);
        last = now;
        requestAnimationFrame(tick);
      };
      requestAnimationFrame(tick);
    },

    /** Scroll up, a screen per frame, until a message is the first one. Return how many seconds that took. */
    async climb(first) {
      const began = performance.now();
      while (oldest() !== first || box().scrollTop > 0) {
        box().scrollTop -= box().clientHeight;
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      return (performance.now() - began) / 1000;
    },

    /** Broadcast messages, and return how many seconds later the last one is shown, or counted. */
    async storm(options) {
      const last = await chat.storm("lobby", options);
      const sent = performance.now();
      const isShown = () => newest() === `message ${last}` || document.title.startsWith(`(${last - 500})`);
      while (!isShown()) await new Promise((resolve) => setTimeout(resolve, 5));
      return (performance.now() - sent) / 1000;
    },

    /**
     * Go to and fro between two rooms, far above the end in the first one. Return the milliseconds until a room is drawn,
     * and how many frames showed anything else than the room, at its place.
     */
    async visits(lengths, times) {
      const rooms = Object.keys(lengths);
      const enter = (room) => document.querySelector(`.room-line[data-room="${room}"] a`).click();
      for (const room of [...rooms, rooms[0]]) { // The first visits load them.
        enter(room);
        while (newest() !== `message ${lengths[room]}`) await frame();
      }
      box().scrollTop -= 1500;
      for (let count = 0; count < 3; count++) await frame();
      const places = { [rooms[0]]: place() };
      const isElsewhere = ({ shown, at }) => place().shown !== shown || Math.abs(place().at - at) > 1;
      const took = [];
      let flashes = 0;
      for (let count = 1; count <= times; count++) {
        const room = rooms[count % rooms.length];
        const began = performance.now();
        enter(room);
        await frame();
        took.push(performance.now() - began);
        places[room] ??= place();
        if (isElsewhere(places[room])) flashes++;
        await frame();
        if (isElsewhere(places[room])) flashes++;
      }
      return { took, flashes };
    },

    /** From each key press to the frame that shows what it did. */
    keys(isShown = () => true) {
      const took = [];
      addEventListener("keydown", async ({ timeStamp }) => {
        do await frame(); while (!isShown());
        took.push(performance.now() - timeStamp);
      }, true);
      return took;
    },
  };
})();
