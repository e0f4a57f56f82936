<#
.SYNOPSIS
  Installs dropflash as a Windows service. Run it as administrator, in a clone where "npm ci" has been run.
.PARAMETER WinSW
  WinSW-x64.exe, version 2.12 or later, downloaded from its releases page.
.EXAMPLE
  .\windows\install.ps1 -WinSW C:\Downloads\WinSW-x64.exe
#>
[CmdletBinding(SupportsShouldProcess)]
param([Parameter(Mandatory)][string] $WinSW)

$ErrorActionPreference = 'Stop'
$programFolder = Split-Path -Parent $PSScriptRoot
$dataFolder = Join-Path $env:ProgramData 'dropflash'
$wrapper = Join-Path $dataFolder 'service\dropflash.exe'
$node = Join-Path $programFolder 'node_modules\node\bin\node.exe'

foreach ($needed in $WinSW, $node, (Join-Path $programFolder 'dist\main.js')) {
  if (-not (Test-Path -LiteralPath $needed)) { throw "$needed is not there. Run 'npm ci' first, and download WinSW." }
}

# Everything the service writes stands below this folder; the wrapper and its settings are read-only for it.
foreach ($folder in 'service', 'logs', 'data', 'drop') {
  New-Item -ItemType Directory -Force -Path (Join-Path $dataFolder $folder) | Out-Null
}
Copy-Item -LiteralPath $WinSW -Destination $wrapper
# Written out rather than left to a variable of the machine: services may get to know a new one only when Windows starts again.
$settings = Get-Content -Raw -Encoding UTF8 -LiteralPath (Join-Path $PSScriptRoot 'dropflash.xml')
$settings = $settings.Replace('@PROGRAM@', [Security.SecurityElement]::Escape($programFolder))
[IO.File]::WriteAllText([IO.Path]::ChangeExtension($wrapper, '.xml'), $settings)
$config = Join-Path $dataFolder 'config.yaml'
if (-not (Test-Path -LiteralPath $config)) {
  Copy-Item -LiteralPath (Join-Path $programFolder 'config.example.yaml') -Destination $config
}

& $wrapper install
if ($LASTEXITCODE -ne 0) { throw "The service could not be installed (exit code $LASTEXITCODE)." }

# The service's account exists only now. (OI)(CI): for files and folders below as well.
foreach ($folder in 'logs', 'data', 'drop') {
  & icacls (Join-Path $dataFolder $folder) /grant 'NT SERVICE\dropflash:(OI)(CI)M' /Q | Out-Null
}

# Devices call back (TCP) and announce themselves by mDNS (UDP 5353); both come in from outside. Not on public networks.
$rule = @{ Direction = 'Inbound'; Program = $node; Action = 'Allow'; Profile = 'Domain', 'Private' }
New-NetFirewallRule -Name 'dropflash-dial-back' -DisplayName 'dropflash: devices call back' -Protocol TCP @rule | Out-Null
New-NetFirewallRule -Name 'dropflash-mdns' -DisplayName 'dropflash: mDNS' -Protocol UDP -LocalPort 5353 @rule | Out-Null

Write-Host "Installed. Edit $config, check it with"
Write-Host "  & '$node' '$programFolder\dist\main.js' check -c '$config'"
Write-Host "and start it with: Start-Service dropflash"
