// Marks over the picture: sites, truth, estimate, the point asked for; plain text, so that they can be read and styled.

const marks = [];

function addMark(name, text, position, title = "") {
  const mark = element("div", `mark ${name}`, text);
  mark.title = title;
  document.getElementById("marks").append(mark);
  marks.push({ mark, position });
  return mark;
}

function removeMarks(name) {
  for (let i = marks.length - 1; i >= 0; i--)
    if (marks[i].mark.classList.contains(name)) marks.splice(i, 1)[0].mark.remove();
}

function moveMarks(matrix, width, height) {
  for (const { mark, position } of marks) {
    const at = onScreen(matrix, position, width, height);
    const seen = at && at[0] > -40 && at[1] > -20 && at[0] < width + 40 && at[1] < height + 20;
    mark.style.display = seen ? "" : "none";
    if (seen) mark.style.transform = `translate(-50%, -50%) translate(${at[0]}px, ${at[1]}px)`;
  }
}
