// Says so on the page when a passkey could not be used; allauth's own scripts only tell the console.
(function () {
  const show = (id) => {
    const element = document.getElementById(id)
    if (element) element.hidden = false
  }
  const hide = (id) => {
    const element = document.getElementById(id)
    if (element) element.hidden = true
  }

  document.addEventListener('allauth.error', (event) => {
    event.preventDefault()
    hide('passkey-problem')
    show(window.PublicKeyCredential ? 'passkey-problem' : 'passkey-unsupported')
  })
})()
