"use strict";
const main = document.querySelector("main");
const events = new EventSource("events");
events.onmessage = (event) => {
  document.body.className = "";
  if (getSelection().isCollapsed) main.innerHTML = event.data;
};
events.onerror = () => { document.body.className = "stale"; };
