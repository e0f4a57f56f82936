<#
.SYNOPSIS
  Removes the dropflash service and its firewall rules. Run it as administrator. Config, journal, images and logs stay in
  %ProgramData%\dropflash; delete that folder yourself if you want them gone.
#>
[CmdletBinding(SupportsShouldProcess)]
param()

$ErrorActionPreference = 'Stop'
$wrapper = Join-Path $env:ProgramData 'dropflash\service\dropflash.exe'
if (Get-Service -Name dropflash -ErrorAction SilentlyContinue) {
  Stop-Service -Name dropflash
  & $wrapper uninstall
  if ($LASTEXITCODE -ne 0) { throw "The service could not be removed (exit code $LASTEXITCODE)." }
}
foreach ($rule in 'dropflash-dial-back', 'dropflash-mdns') {
  Remove-NetFirewallRule -Name $rule -ErrorAction SilentlyContinue
}
