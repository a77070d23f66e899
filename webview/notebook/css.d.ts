declare module '*/notebook.css' {
  const text: string;
  export default text;
}
